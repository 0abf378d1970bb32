import { expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { rowNorms, rowsWithin, withinNorm } from "../../src/train/rowNorms.ts";
import { train } from "../../src/train/train.ts";
import { trainingGraph } from "../../src/train/trainer.ts";
import { type HostTensor, sliceRows, tensor } from "../../src/util/tensor.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const norms = Float64Array.of(3, 1, 2, 40, 2, 500, 4);

test.each([
  ["none", [[0, 7]]],
  [
    "40",
    [
      [0, 5],
      [6, 7],
    ],
  ],
  // Ten times the lower median of 1 2 2 3 4 40 500.
  [
    "10x",
    [
      [0, 3],
      [4, 5],
      [6, 7],
    ],
  ],
  ["1e9", [[0, 7]]],
])("%s keeps %j", (limit, ranges) => {
  expect(rowsWithin(limit as string, norms).ranges()).toEqual(ranges);
});

test("what leaves no row is refused, with the shortest", () => {
  expect(() => rowsWithin("0.5", norms)).toThrow(
    "maxRowNorm 0.5 leaves out all 7 training rows, the shortest is 1 long; raise it",
  );
});

test("lengths do not overflow", () => {
  expect(rowNorms(tensor("float32", [1, 2], Float32Array.of(3e37, 4e37)))[0]! / 5e37).toBeCloseTo(1, 6);
});

/** Rows of which two are a thousand times as long as they were. */
function withHeavy(rows: HostTensor<"float32">, heavy: readonly number[]) {
  const width = rows.dims[1]!;
  return { ...rows, data: rows.data.map((v, i) => (heavy.includes(Math.floor(i / width)) ? 1000 * v : v)) };
}

test("a training leaves them out, and is that of the other rows", async () => {
  const rows = dictionaryRows(100, 16, 4);
  const config = { inputDim: 16, latentDim: 24, options: { k: 2 }, epochs: 2, batchSize: 32, biasStart: "own" };
  const limited = trainConfig({ ...config, maxRowNorm: "20x" });
  const kept = withinNorm({ activations: withHeavy(rows, [0, 99]), targets: rows }, "20x");
  expect(kept.activations).toEqual(sliceRows(rows, 1, 99));
  expect(kept.targets).toEqual(sliceRows(rows, 1, 99));
  const one = await train(cpu, limited, withHeavy(rows, [0, 99]), { threads: 1 });
  const other = await train(cpu, trainConfig(config), sliceRows(rows, 1, 99), { threads: 1 });
  expect(one.state).toEqual(other.state);
  const all = await train(cpu, trainConfig(config), withHeavy(rows, [0, 99]), { threads: 1 });
  expect(all.state).not.toEqual(one.state);
});

test("the graph is the same", () => {
  const config = { inputDim: 16, latentDim: 24, options: { k: 2 } };
  expect(trainingGraph(trainConfig({ ...config, maxRowNorm: "5x" }))).toEqual(trainingGraph(trainConfig(config)));
});

test.each(["", "x", "-1", "0x", "10.0x", "ten"])("%j is no limit", (maxRowNorm) => {
  expect(() => trainConfig({ inputDim: 16, latentDim: 24, options: { k: 2 }, maxRowNorm })).toThrow(
    `maxRowNorm must be a size such as "2500", a multiple such as "10x", or "none", got ${maxRowNorm}`,
  );
});
