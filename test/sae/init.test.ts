import { describe, expect, test } from "vitest";
import { type TrainConfig, trainConfig } from "../../src/config/config.ts";
import { parametersOf, statesOf } from "../../src/sae/spec.ts";
import { initialState } from "../../src/train/state.ts";
import { random } from "../../src/util/random.ts";
import { cases } from "./cases.ts";
import { dictionaryRows } from "./dictionary.ts";

const x = dictionaryRows(200, 16);
const [inputDim, latentDim] = [64, 400];
const large = { inputDim, latentDim };
const rows64 = dictionaryRows(100, inputDim);

const rowNorms = (data: Float32Array, width: number) =>
  Array.from({ length: data.length / width }, (_, row) => Math.hypot(...data.subarray(row * width, (row + 1) * width)));

/** Mean and variance of numbers uniform on [-bound, bound], within five standard errors, and none outside. */
function expectUniform(data: Float32Array, bound: number) {
  const n = data.length;
  const mean = data.reduce((sum, v) => sum + v, 0) / n;
  const variance = data.reduce((sum, v) => sum + v * v, 0) / n;
  expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
  expect(Math.max(...data.map(Math.abs))).toBeGreaterThan(bound * (1 - 20 / n));
  expect(Math.abs(mean)).toBeLessThan((5 * bound) / Math.sqrt(3 * n));
  expect(Math.abs(variance / (bound ** 2 / 3) - 1)).toBeLessThan((5 * Math.sqrt(4 / 5)) / Math.sqrt(n));
}

/** Whether the first encoder is made of the first decoder. */
function startsFromDecoder(config: TrainConfig): boolean {
  const { W_enc, W_dec } = parametersOf(config);
  let reads = false;
  const made = {
    get W_dec() {
      reads = true;
      return new Float32Array(W_dec!.shape[0]! * W_dec!.shape[1]!);
    },
  };
  W_enc!.init({ rng: random(0, "start"), shape: W_enc!.shape, targets: x, made });
  return reads;
}

describe.each(cases)("$name", ({ config }) => {
  test("has every parameter in its shape, state at its start, all else zero", () => {
    const state = initialState(config(), x);
    const [parameters, states] = [parametersOf(config()), statesOf(config())];
    for (const [name, { dims, data }] of Object.entries(state))
      if (name in parameters) expect(dims).toEqual(parameters[name]!.shape);
      // How inputs are scaled comes from the rows.
      else if (!name.startsWith("input_"))
        expect(
          data.every((v) => v === (states[name]?.start ?? 0)),
          name,
        ).toBe(true);
  });

  test("the same seed gives the same bytes, another seed others", () => {
    const weights = (seed: number) => initialState(config({ seed }), x).W_dec!.data;
    expect(weights(3)).toEqual(weights(3));
    expect(weights(3)).not.toEqual(weights(4));
  });

  test("every parameter has a stream of its own, unless tied", () => {
    const { W_enc, W_dec } = initialState(config(), x);
    if (!W_enc) return; // Matching pursuit encodes with its decoder.
    const alike = W_enc.data.filter((v, i) => v > 0 === W_dec!.data[i]! > 0).length / W_enc!.data.length;
    if (startsFromDecoder(config())) expect(alike).toBe(1);
    else expect(Math.abs(alike - 0.5)).toBeLessThan(0.15);
  });
});

describe("topk", () => {
  const of = (options: Record<string, string | boolean>) =>
    initialState(trainConfig({ ...large, options: { k: 4, ...options } }), rows64);

  test("encoder and decoder bias as torch.nn.Linear draws them", () => {
    const state = of({ decoderBias: true });
    expectUniform(state.W_enc!.data, 1 / Math.sqrt(inputDim));
    expectUniform(state.b_enc!.data, 1 / Math.sqrt(inputDim));
    expectUniform(state.b_dec!.data, 1 / Math.sqrt(latentDim));
  });

  test("decoder rows of unit length, or as torch draws them", () => {
    for (const unitNorm of ["step", "init"])
      for (const norm of rowNorms(of({ unitNorm }).W_dec!.data, inputDim))
        expect(Math.abs(norm - 1)).toBeLessThan(1e-6);
    expectUniform(of({ unitNorm: "none" }).W_dec!.data, 1 / Math.sqrt(latentDim));
  });

  test("the directions of unit rows are those of the uniform draw", () => {
    const [unit, free] = [of({}).W_dec!.data, of({ unitNorm: "none" }).W_dec!.data];
    const norms = rowNorms(free, inputDim);
    for (const [i, v] of unit.entries()) expect(v).toBeCloseTo(free[i]! / norms[Math.floor(i / inputDim)]!, 6);
  });
});

describe("topk-relu", () => {
  const state = initialState(trainConfig({ ...large, architecture: "topk-relu", options: { k: 4 } }), rows64);

  test("tied to unit decoder rows, no encoder bias", () => {
    for (const norm of rowNorms(state.W_dec!.data, inputDim)) expect(Math.abs(norm - 1)).toBeLessThan(1e-6);
    expect(state.W_enc!.data).toEqual(state.W_dec!.data);
    expect(state.W_enc!.data.buffer).not.toBe(state.W_dec!.data.buffer);
    expect(state.b_enc!.data.every((v) => v === 0)).toBe(true);
  });
});
