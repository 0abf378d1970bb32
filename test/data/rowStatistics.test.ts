import { expect, test } from "vitest";
import { rowStatistics } from "../../src/data/rowStatistics.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, sliceRows, tensor } from "../../src/util/tensor.ts";

const [rows, width] = [2500, 8];
const rng = random(2, "statistics");
const plain = Float32Array.from({ length: rows * width }, () => rng.normal());

/** Rows in batches, and how often they were read. */
function read(data: Float32Array<ArrayBuffer>, batchSize: number) {
  const times = { read: 0 };
  async function* batches(): AsyncGenerator<HostTensor<"float32">> {
    times.read++;
    const all = tensor("float32", [data.length / width, width], data);
    for (let from = 0; from < all.dims[0]!; from += batchSize)
      yield sliceRows(all, from, Math.min(from + batchSize, all.dims[0]!));
  }
  return { found: rowStatistics(batches), times };
}

const normOf = (data: Float32Array, row: number) => Math.hypot(...data.subarray(row * width, (row + 1) * width));

test.each([1, 7, 4096])("norms, quantiles and shares are those of all rows, in batches of %d", async (batchSize) => {
  const { found, times } = read(plain, batchSize);
  const statistics = await found;
  const norms = Array.from({ length: rows }, (_, row) => normOf(plain, row));
  const sorted = norms.toSorted((a, b) => a - b);
  const squares = (some: readonly number[]) => some.reduce((sum, v) => sum + v * v, 0);
  expect(statistics.norms.median).toBeCloseTo(sorted[1249]!, 9);
  expect(statistics.norms.q999).toBeCloseTo(sorted[2497]!, 9);
  expect(statistics.norms.largest).toBeCloseTo(sorted.at(-1)!, 9);
  expect(statistics.norms.largestRow).toBe(norms.indexOf(sorted.at(-1)!));
  expect(statistics.topShare).toBeCloseTo(squares(sorted.slice(-3)) / squares(sorted), 9);
  const magnitudes = Array.from(plain, Math.abs).sort((a, b) => a - b);
  expect(statistics.magnitude / magnitudes[magnitudes.length / 2 - 1]!).toBeCloseTo(1, 2);
  expect(statistics).toMatchObject({ heavy: [], massive: { rows: 0, dimensions: [] } });
  expect(times.read).toBe(1);
});

test("dimensions with massive values, and in how many rows", async () => {
  const data = plain.slice();
  for (const [row, dimension, value] of [
    [3, 5, 9000],
    [3, 2, -1000],
    [2499, 5, -12000],
  ] as const)
    data[row * width + dimension] = value;
  const { found, times } = read(data, 100);
  const { massive, heavy, topShare } = await found;
  expect(massive).toEqual({
    rows: 2,
    dimensions: [
      { dimension: 5, largest: 12000, rows: 2 },
      { dimension: 2, largest: 1000, rows: 1 },
    ],
  });
  expect(heavy).toEqual([{ dimension: 5, share: expect.closeTo(0.995, 3), largest: 12000 }]);
  expect(topShare).toBeGreaterThan(0.999);
  expect(times.read).toBe(2);
});

test("rows of zeros have nothing that stands out", async () => {
  const { found } = read(new Float32Array(3 * width), 2);
  expect(await found).toEqual({
    ...{ rows: 3, norms: { median: 0, q999: 0, largest: 0, largestRow: 0 } },
    ...{ topShare: 0, magnitude: 0, heavy: [], massive: { rows: 0, dimensions: [] } },
  });
});
