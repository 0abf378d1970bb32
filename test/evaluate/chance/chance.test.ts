import { describe, expect, test } from "vitest";
import { unitRows } from "../../../src/data/synthetic/unitRows.ts";
import { frozenEncoderError } from "../../../src/evaluate/chance/frozenEncoder.ts";
import type { OpenModel } from "../../../src/evaluate/chance/open.ts";
import { randomDictionaryError } from "../../../src/evaluate/chance/randomDictionary.ts";
import { withChance } from "../../../src/evaluate/chance/withChance.ts";
import { evaluate } from "../../../src/evaluate/evaluate.ts";
import { freeze } from "../../../src/export/freeze.ts";
import { describedKeys } from "../../../src/metrics/index.ts";
import { packModel } from "../../../src/onnx/model.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import { random } from "../../../src/util/random.ts";
import { type HostTensor, sliceRows, tensor } from "../../../src/util/tensor.ts";
import { sample } from "../../checkpoint/sample.ts";
import { cases } from "../../sae/cases.ts";

const one = { threads: 1 };
const open: OpenModel = (_, model) => cpu.open(packModel(model()), one);
const [width, latents, k] = [12, 20, 3];

function normal(rows: number, seed: number): HostTensor<"float32"> {
  const rng = random(seed, "chance test");
  const data = Float32Array.from({ length: rows * width }, () => rng.normal());
  return tensor("float32", [rows, width], data);
}
const listOf = ({ dims, data }: HostTensor<"float32">): number[][] =>
  Array.from({ length: dims[0]! }, (_, i) => [...data.subarray(i * dims[1]!, (i + 1) * dims[1]!)]);
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

const directions = unitRows(latents, width, random(1, "chance test"));
const rows = normal(40, 2);

test("a random dictionary: matching pursuit with the residuals themselves", async () => {
  let expected = 0;
  for (const row of listOf(rows)) {
    let left = row;
    for (let step = 0; step < k; step++) {
      const inner = listOf(directions).map((direction) => dot(direction, left));
      const best = inner.reduce((at, v, j) => (Math.abs(v) > Math.abs(inner[at]!) ? j : at), 0);
      const direction = listOf(directions)[best]!;
      left = left.map((v, i) => v - inner[best]! * direction[i]!);
    }
    expected += dot(left, left);
  }
  expect(await randomDictionaryError(open, rows, directions, k)).toBeCloseTo(expected, 2);
  // With every axis in the dictionary and as many picks, nothing is left.
  const axes = tensor(
    "float32",
    [width, width],
    Float32Array.from({ length: width * width }, (_, i) => Number(i % (width + 1) === 0)),
  );
  expect(await randomDictionaryError(open, rows, axes, width)).toBeCloseTo(0, 2);
});

/** The k entries of largest magnitude, the others 0. */
function codes(x: HostTensor<"float32">): number[][] {
  return listOf(x).map((row) => {
    const pre = listOf(directions).map((direction) => dot(direction, row));
    const kept = new Set(
      pre
        .map((_, j) => j)
        .sort((a, b) => Math.abs(pre[b]!) - Math.abs(pre[a]!))
        .slice(0, k),
    );
    return pre.map((v, j) => (kept.has(j) ? v : 0));
  });
}

/** A X = B by elimination with pivots. */
function solve(A: number[][], B: number[][]): number[][] {
  const n = A.length;
  const rows = A.map((row, i) => [...row, ...B[i]!]);
  for (let i = 0; i < n; i++) {
    const pivot = rows.reduce(
      (best, row, r) => (r >= i && Math.abs(row[i]!) > Math.abs(rows[best]![i]!) ? r : best),
      i,
    );
    [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
    for (let r = 0; r < n; r++) {
      if (r === i) continue;
      const factor = rows[r]![i]! / rows[i]![i]!;
      rows[r] = rows[r]!.map((v, c) => v - factor * rows[i]![c]!);
    }
  }
  return rows.map((row, i) => row.slice(n).map((v) => v / row[i]!));
}

test("a frozen encoder: the decoder that solves the normal equations, where there are rows enough for it", async () => {
  // Rows that a random encoder tells much of: 12 dimensions, but three in which they vary.
  const flat = (rows: number, seed: number) => {
    const { data } = normal(rows, seed);
    return tensor(
      "float32",
      [rows, width],
      data.map((v, i) => (i % width < 3 ? 10 * v : v / 10)),
    );
  };
  const [train, judged] = [flat(20_000, 3), flat(300, 4)];
  const z = codes(sliceRows(train, 0, 16_000));
  const column = (m: number[][], j: number) => m.map((row) => row[j]!);
  const gram = Array.from({ length: latents }, (_, i) =>
    // Some latents are never kept.
    Array.from({ length: latents }, (_, j) => dot(column(z, i), column(z, j)) + (i === j ? 1e-6 : 0)),
  );
  const x = listOf(sliceRows(train, 0, 16_000));
  const right = Array.from({ length: latents }, (_, i) =>
    Array.from({ length: width }, (_, d) => dot(column(z, i), column(x, d))),
  );
  const decoder = solve(gram, right);
  const columns = Array.from({ length: width }, (_, d) => column(decoder, d));
  const [targets, judgedCodes] = [listOf(judged), codes(judged)];
  const expected = judgedCodes.reduce((sum, code, r) => {
    const off = targets[r]!.map((v, d) => v - dot(code, columns[d]!));
    return sum + dot(off, off);
  }, 0);
  const total = targets.flat().reduce((sum, v) => sum + v * v, 0);
  const error = await frozenEncoderError(open, { train, validation: judged }, directions, k);
  expect(expected / total).toBeLessThan(0.5);
  // Stopped early it may be a little better on new rows, never much worse.
  expect((error - expected) / total).toBeLessThan(0.002);
  expect((error - expected) / total).toBeGreaterThan(-0.01);
});

describe("beside an evaluation", async () => {
  const checkpoint = await sample(cases[0]!);
  const model = freeze(checkpoint, "autoencoder");
  const { inputDim } = checkpoint.config;
  const wide = (count: number, seed: number) => {
    const rng = random(seed, "chance test");
    const data = Float32Array.from({ length: count * inputDim }, () => 5 + rng.normal());
    return tensor("float32", [count, inputDim], data);
  };
  const data = { train: wide(200, 4), validation: wide(60, 5) };

  test("both are added, below 1, and say of which rows they are", async () => {
    const { metrics, splits } = await withChance(cpu, await evaluate(cpu, model, data, one), data, one);
    for (const key of ["random_decoder", "frozen_encoder"].map((of) => `${of}_explained_variance_centered`)) {
      expect(metrics[key], key).toBeLessThan(1);
      expect(splits[key], key).toBe("validation");
      expect(describedKeys[key]?.definition, key).toBeTruthy();
    }
    // White noise: no decoder generalises, but a random dictionary fits some of it.
    expect(metrics.random_decoder_explained_variance_centered).toBeGreaterThan(0);
    expect(metrics.frozen_encoder_explained_variance_centered).toBeLessThan(
      metrics.random_decoder_explained_variance_centered!,
    );
  });

  test("at any scale the same", async () => {
    const scaled = (by: number) => {
      const of = ({ dims, data }: HostTensor<"float32">) =>
        tensor(
          "float32",
          dims,
          data.map((v) => v * by),
        );
      return { train: of(data.train), validation: of(data.validation) };
    };
    const evaluation = await evaluate(cpu, model, data, one);
    const usual = await withChance(cpu, evaluation, scaled(1), one);
    for (const by of [1e-20, 1e18])
      for (const key of ["random_decoder", "frozen_encoder"].map((of) => `${of}_explained_variance_centered`))
        expect((await withChance(cpu, evaluation, scaled(by), one)).metrics[key]).toBeCloseTo(usual.metrics[key]!, 4);
  });

  test("a training row of enormous length changes little", async () => {
    const heavy = tensor("float32", data.train.dims, data.train.data.slice());
    for (let i = 0; i < inputDim; i++) heavy.data[5 * inputDim + i]! *= 1e4;
    const evaluation = await evaluate(cpu, model, data, one);
    const [usual, other] = [
      await withChance(cpu, evaluation, { ...data }, one),
      await withChance(cpu, evaluation, { ...data, train: heavy }, one),
    ];
    for (const key of ["random_decoder", "frozen_encoder"].map((of) => `${of}_explained_variance_centered`))
      expect(Math.abs(other.metrics[key]! - usual.metrics[key]!), key).toBeLessThan(0.05);
  });

  test("where all validation rows are equal there is nothing to explain", async () => {
    const equal = tensor("float32", [20, inputDim], new Float32Array(20 * inputDim).fill(3));
    const flat = { train: data.train, validation: equal };
    const { metrics, nullReasons } = await withChance(cpu, await evaluate(cpu, model, flat, one), flat, one);
    expect(metrics.random_decoder_explained_variance_centered).toBeNull();
    expect(nullReasons.random_decoder_explained_variance_centered).toBe("all rows are equal");
  });

  test("without training rows it is left out", async () => {
    const none = { train: tensor("float32", [0, inputDim], new Float32Array()), validation: data.validation };
    const { metrics } = await withChance(cpu, await evaluate(cpu, model, none, one), none, one);
    expect(metrics).not.toHaveProperty("frozen_encoder_explained_variance_centered");
  });
});
