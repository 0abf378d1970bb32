import { expect, test } from "vitest";
import { geometricMedian } from "../../src/sae/init.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { reader, witnesses } from "../train/torch.ts";
import { dictionaryRows } from "./dictionary.ts";

const median = (targets: HostTensor<"float32">): Float32Array =>
  geometricMedian({ rng: random(0, ""), shape: targets.dims.slice(1), targets, made: {} });

const distances = ({ data, dims }: HostTensor<"float32">, point: ArrayLike<number>): number => {
  const [rows, width] = dims as [number, number];
  let total = 0;
  for (let row = 0; row < rows; row++) {
    let squared = 0;
    for (let i = 0; i < width; i++) squared += (data[row * width + i]! - point[i]!) ** 2;
    total += Math.sqrt(squared);
  }
  return total;
};

test("nothing near it, and nothing on a grid, is nearer to all rows", () => {
  const rng = random(2, "median");
  const x = tensor(
    "float32",
    [41, 2],
    Float32Array.from({ length: 82 }, () => rng.normal() ** 3),
  );
  const found = median(x);
  const best = distances(x, found);
  for (const h of [1, 0.1, 0.01])
    for (let i = -20; i <= 20; i++)
      for (let j = -20; j <= 20; j++)
        expect(distances(x, [found[0]! + h * i, found[1]! + h * j])).toBeGreaterThanOrEqual(best * (1 - 1e-8));
});

test("a far row moves the mean but not it", () => {
  const x = tensor("float32", [5, 1], Float32Array.of(1, 2, 3, 4, 1e6));
  expect(median(x)[0]).toBeCloseTo(3, 2);
});

test("of equal rows it is that row, and no NaN where a row is on the way", () => {
  expect(Array.from(median(tensor("float32", [3, 2], Float32Array.of(1, 2, 1, 2, 1, 2))))).toEqual([1, 2]);
  // The mean of these is the middle row itself.
  expect(median(tensor("float32", [3, 1], Float32Array.of(-1, 0, 1)))[0]).toBeCloseTo(0, 6);
});

test("the same as NumPy's hundred rounds of Weiszfeld", () => {
  const { x, get } = reader(witnesses["topk-relu"]);
  const expected = get("init.b_dec").data;
  const found = median(x);
  const norm = Math.hypot(...expected);
  // It stops once it moves less than 1e-5 of its length.
  expect(Math.hypot(...expected.map((v, i) => v - found[i]!)) / norm).toBeLessThan(1e-4);
});

test("not the mean", () => {
  const x = dictionaryRows(60, 8);
  const mean = Array.from({ length: 8 }, (_, i) => x.data.reduce((sum, v, at) => sum + (at % 8 === i ? v : 0), 0) / 60);
  expect(distances(x, median(x))).toBeLessThan(distances(x, mean));
});
