import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { openShards, shardPaths } from "../../src/data/shards/shardSet.node.ts";
import { datasetOf } from "../../src/pipeline/dataset.node.ts";
import { tensor } from "../../src/util/tensor.ts";

const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));

/** A folder of two shards, 3 rows each, at these positions. */
async function shards(name: string, positions: readonly number[]) {
  mkdirSync(join(folder, name));
  for (const [i, own] of [positions.slice(0, 3), positions.slice(3)].entries()) {
    const activations = tensor(
      "float32",
      [3, 2],
      Float32Array.from({ length: 6 }, (_, at) => 1 + at + i),
    );
    const position = tensor("int32", [3], Int32Array.from(own));
    writeFileSync(join(folder, name, `${i}.safetensors`), writeSafetensors({ activations, position }, {}));
  }
  return openShards(await shardPaths(join(folder, name)), { source: join(folder, name) });
}

test("targets in folders are refused where a column says that their rows are others", async () => {
  const set = await shards("in", [0, 1, 2, 3, 4, 5]);
  await expect(datasetOf(set, 4, await shards("same", [0, 1, 2, 3, 4, 5]))).resolves.toBeDefined();
  await expect(datasetOf(set, 4, await shards("other", [0, 1, 2, 3, 5, 4]))).rejects.toThrow(
    /^--target: row 4 of other.* has position 5, that of in.* 4; both need the same rows in the same order$/,
  );
});
