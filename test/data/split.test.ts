import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ActivationSet } from "../../src/data/activations.ts";
import type { DataInfo } from "../../src/data/describe.ts";
import { columnOf, describeData } from "../../src/data/describe.ts";
import { splitRows, takeRows } from "../../src/data/split.ts";
import { tensor } from "../../src/util/tensor.ts";
import { complaint, matrix } from "./helpers.ts";

const setOf = (
  rows: number,
  columns: Record<string, number[]> = {},
  metadata: Record<string, string> = {},
): ActivationSet => ({
  activations: tensor(
    "float32",
    [rows, 2],
    Float32Array.from({ length: rows * 2 }, (_, i) => i),
  ),
  columns: Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, Float64Array.from(values)])),
  metadata,
  source: "a.npy",
});
const parts = (set: ActivationSet, trainRows?: number) => {
  const { train, validation } = splitRows(set, trainRows);
  return [[...train], [...validation]];
};

describe("splitRows", () => {
  test("the first 80 %, rounded down, by default", () => {
    expect(parts(setOf(4))).toEqual([[0, 1, 2], [3]]);
    expect(splitRows(setOf(7473)).train.length).toBe(5978);
    expect(parts(setOf(1))).toEqual([[], [0]]);
  });

  test("the split column, unless a number of rows is given", () => {
    const set = setOf(4, { split: [1, 0, 0, 1] });
    expect(parts(set)).toEqual([
      [1, 2],
      [0, 3],
    ]);
    expect(parts(set, 1)).toEqual([[0], [1, 2, 3]]);
  });

  test("every row is in exactly one part, ascending", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1), { minLength: 1 }), (split) => {
        const [train, validation] = parts(setOf(split.length, { split })) as [number[], number[]];
        expect(train.map((row) => split[row])).toEqual(train.map(() => 0));
        expect([...train, ...validation].sort((a, b) => a - b)).toEqual(split.map((_, row) => row));
      }),
      { seed: 3 },
    );
  });

  test.each([0, 4, -1, 1.5, Number.NaN])("%d train rows of 4 are refused", (trainRows) => {
    expect(complaint(() => splitRows(setOf(4), trainRows))).toMatch(
      new RegExp(`^a\\.npy: train rows must be an integer from 1 to 3 of its 4 rows, got ${trainRows}$`),
    );
  });

  test("other values in the column are refused", () => {
    expect(complaint(() => splitRows(setOf(2, { split: [0, 2] })))).toMatch(
      /column "split" is 2 at row 1; write 0 for train/,
    );
    expect(complaint(() => splitRows(setOf(1, { split: [Number.NaN] })))).toMatch(/"split" is NaN at row 0/);
  });
});

describe("takeRows", () => {
  const { activations } = setOf(5);
  test("contiguous rows share memory, others are copied", () => {
    const view = takeRows(activations, Uint32Array.of(1, 2));
    expect(view).toEqual(matrix([2, 3], [4, 5]));
    expect(view.data.buffer).toBe(activations.data.buffer);
    const copy = takeRows(activations, Uint32Array.of(4, 0, 0));
    expect(copy).toEqual(matrix([8, 9], [0, 1], [0, 1]));
    expect(takeRows(activations, new Uint32Array(0)).dims).toEqual([0, 2]);
  });

  test("a row that is not there is refused", () => {
    expect(complaint(() => takeRows(activations, Uint32Array.of(0, 5)))).toMatch(/row 5 of a matrix of 5 rows/);
  });
});

describe("describeData", () => {
  // The type of the metrics file: data may not import it, so the shapes are held together here.
  const info = (set: ActivationSet, trainRows?: number): Promise<DataInfo> =>
    describeData(set, splitRows(set, trainRows));

  test("counts, source and whether the set is synthetic", async () => {
    expect(await info(setOf(5))).toMatchObject({
      ...{ source: "a.npy", train_rows: 4, validation_rows: 1, input_dim: 2, synthetic: false },
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await info(setOf(5, {}, { synthetic: "true" }))).toMatchObject({ synthetic: true });
  });

  test("the digest depends on the values, the shape and the split, not on names", async () => {
    const base = (await info(setOf(6))).digest;
    const changed = setOf(6);
    changed.activations.data[11] = 12;
    const { data } = setOf(6).activations;
    const reshaped = { ...setOf(6), activations: tensor("float32", [4, 3], data) };
    const split = { train: Uint32Array.of(0, 1), validation: Uint32Array.of(2, 3, 4, 5) };
    const all = await Promise.all([
      info(changed),
      info(setOf(6), 3),
      describeData(reshaped, split),
      describeData(setOf(6), split),
      describeData(setOf(6), { ...split, validation: Uint32Array.of(2, 3) }),
      describeData(setOf(6), { train: split.validation, validation: split.train }),
    ]);
    expect(new Set([base, ...all.map(({ digest }) => digest)]).size).toBe(7);
    expect((await info({ ...setOf(6, { layer: [1, 1, 1, 1, 1, 1] }), source: "b.npz" })).digest).toBe(base);
  });
});

describe("columnOf", () => {
  test("a constant column, else the metadata when it is a number, else null", () => {
    expect(columnOf(setOf(2, { layer: [7, 7] }, { layer: "1" }), "layer")).toBe(7);
    expect(columnOf(setOf(2, { layer: [7, 8] }, { layer: "1" }), "layer")).toBeNull();
    expect(columnOf(setOf(2, {}, { position: "3" }), "position")).toBe(3);
    expect(columnOf(setOf(2, {}, { position: "last" }), "position")).toBeNull();
    expect(columnOf(setOf(2, {}, { position: "" }), "position")).toBeNull();
    expect(columnOf(setOf(2), "layer")).toBeNull();
  });
});
