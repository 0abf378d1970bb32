import { expect, test } from "vitest";
import { TrainingProcess } from "../../../src/train/process/trainingProcess.node.ts";
import { RuntimeFailure } from "../../../src/util/errors.ts";
import { tensor } from "../../../src/util/tensor.ts";

const rows = { activations: tensor("float32", [1, 1], new Float32Array(1)) };

// Who is told that it is gone may start another at once: it must not be given the same one again.
test("a process that could not be spoken to is gone at that moment, heard of or not", async () => {
  for (let time = 0; time < 5; time++) {
    const child = new TrainingProcess();
    await child.hand(rows);
    child.close();
    const failed = async () => {
      for (;;) await child.hand(rows);
    };
    await expect(failed()).rejects.toThrow(RuntimeFailure);
    expect(child.gone).toBe(true);
  }
}, 20_000);
