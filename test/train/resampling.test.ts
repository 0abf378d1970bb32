import { describe, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { type TrainConfig, type TrainRequest, timedFor, trainConfig } from "../../src/config/config.ts";
import { freeze } from "../../src/export/freeze.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { architectureOf, parametersOf } from "../../src/sae/spec.ts";
import { finishedTensors } from "../../src/train/finished.ts";
import { rowErrors } from "../../src/train/resampling/errors.ts";
import { resampled } from "../../src/train/resampling/resample.ts";
import { initialState, optimizerOf, slotName, type TrainState } from "../../src/train/state.ts";
import { type TrainProgress, train } from "../../src/train/train.ts";
import { random, weightedSample } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";
import { sparseRows } from "../cli/run.ts";
import { cases } from "../sae/cases.ts";
import { worst } from "./states.ts";

const x = sparseRows(120, 16);
const often: Partial<TrainRequest> = { latentDim: 64, epochs: 7, resampleEvery: 2, deadSteps: 4 };

/** A state in which every third latent is dead, and every slot and bias has something in it. */
async function withDead(config: TrainConfig): Promise<TrainState> {
  const { state } = await train(cpu, { ...config, epochs: 2, resampleEvery: 0 }, x, { threads: 1 });
  const since = state.steps_since_fired!.data.map((_, i) => (i % 3 === 0 ? 50 : 0));
  const filled = Object.fromEntries(
    Object.entries(state).map(([name, { dims, data }]) => [
      name,
      tensor(
        "float32",
        dims,
        data.map((v) => v + 0.01),
      ),
    ]),
  );
  return { ...filled, steps_since_fired: tensor("float32", [64], since) };
}

const rowOf = ({ data, dims }: TrainState[string], row: number) => {
  const width = dims[1] ?? 1;
  return Array.from(data.subarray(row * width, (row + 1) * width));
};
const unit = (row: readonly number[]) => row.map((v) => v / Math.hypot(...row));
const near = (a: readonly number[], b: readonly number[]) => a.every((v, i) => Math.abs(v - b[i]!) < 1e-5);

// Matching pursuit has no encoder to resample, and is refused.
const able = cases.filter(({ config }) => parametersOf(config()).W_enc !== undefined);

describe.each(able)("$name", ({ config: configOf }) => {
  // Rows are compared as they are.
  const config = configOf({ ...often, step: "dense", inputScale: "none" });
  const plain = architectureOf(config).plain(config.options, config);
  const bias = ("bias" in plain && plain.bias) || "b_enc";

  test("dead latents begin again as a row, the others stay as they are to the bit", async () => {
    const before = await withDead(config);
    const { state, count } = await resampled(cpu, config, before, { activations: x }, { epochsDone: 2 });
    expect(count).toBe(22);
    const { inputBias } = architectureOf(config).plain(config.options, config);
    const off = (row: readonly number[], isOff: boolean) =>
      isOff && before.b_dec ? row.map((v, i) => v - before.b_dec!.data[i]!) : [...row];
    const rows = Array.from({ length: 120 }, (_, i) => rowOf(x, i));
    const alive = Array.from({ length: 64 }, (_, i) => i).filter((i) => i % 3 !== 0);
    const length = alive.reduce((sum, i) => sum + Math.hypot(...rowOf(before.W_enc!, i)), 0) / alive.length;
    const used = new Set<number>();
    for (let latent = 0; latent < 64; latent++) {
      if (latent % 3 !== 0) {
        for (const name of Object.keys(state))
          if (state[name]!.dims[0] === 64)
            expect(rowOf(state[name]!, latent), name).toEqual(rowOf(before[name]!, latent));
        continue;
      }
      const from = rows.findIndex((row) => near(rowOf(state.W_dec!, latent), unit(off(row, true))));
      expect(from, `latent ${latent} is no row`).toBeGreaterThanOrEqual(0);
      used.add(from);
      const encoder = unit(off(rows[from]!, inputBias)).map((v) => 0.2 * length * v);
      expect(near(rowOf(state.W_enc!, latent), encoder)).toBe(true);
      expect(rowOf(state[bias]!, latent)).toEqual([0]);
      expect(rowOf(state.steps_since_fired!, latent)).toEqual([0]);
      for (const slot of optimizerOf(config).slots)
        for (const [name, { perLatent }] of Object.entries(parametersOf(config)))
          if (perLatent) expect(rowOf(state[slotName(slot, name)]!, latent).every((v) => v === 0)).toBe(true);
    }
    expect(used.size).toBe(22);
    // What is not of a latent stays too.
    for (const name of Object.keys(state)) if (state[name]!.dims[0] !== 64) expect(state[name]).toEqual(before[name]);
  });

  // A frozen batchtopk keeps by its threshold, which no part of a training may depend on.
  const frozenKeepsAlike = architectureOf(config).state === undefined;
  if (frozenKeepsAlike)
    test("the errors that rows are drawn by are those of the frozen SAE", async () => {
      const state = await withDead(config);
      const errors = await rowErrors(cpu, config, state, { activations: x }, 1);
      const checkpoint = {
        ...{ config, tensors: finishedTensors(config, state), epochsDone: config.epochs, loss: [] },
        ...{ dataDigest: "", layer: null, position: null, metrics: {} },
      };
      const session = await cpu.open(packModel(freeze(checkpoint, "autoencoder")), { threads: 1 });
      const { reconstruction } = await session.run({ activations: x }).finally(() => session.release());
      for (const [row, error] of errors.entries()) {
        const rebuilt = rowOf(reconstruction as TrainState[string], row);
        const own = rowOf(x, row).reduce((sum, v, i) => sum + (v - rebuilt[i]!) ** 2, 0);
        expect(Math.abs(error / own - 1)).toBeLessThan(1e-4);
      }
    });

  const steps = configOf({ ...often, deadSteps: 4 }).architecture.startsWith("topk") ? ["dense", "live"] : ["dense"];
  test.each(steps)(
    "step %s: a training that stops at any epoch goes on to the same bytes, and counts",
    async (step) => {
      const config = configOf({ ...often, step });
      const saved: Uint8Array[] = [];
      const checkpoint = ({ state: tensors, ...rest }: TrainProgress) =>
        writeCheckpoint({ ...rest, config, tensors, dataDigest: "", layer: null, position: null, metrics: {} });
      const whole = await train(cpu, config, x, {
        threads: 1,
        async onRun(progress) {
          saved.push(checkpoint(progress));
          return true;
        },
      });
      // Before the third, the fifth and the seventh epoch.
      expect(whole.resampled).toHaveLength(3);
      for (const bytes of saved.slice(0, -1)) {
        const { tensors: state, epochsDone, loss, resampled } = readCheckpoint(bytes, "part.safetensors");
        const rest = await train(cpu, config, x, { threads: 1, from: { state, epochsDone, loss, resampled } });
        expect(rest.resampled).toEqual(whole.resampled);
        expect(checkpoint(rest)).toEqual(saved.at(-1));
      }
    },
  );
});

test("epochs divided into runs in any way give the same bytes, and every wrapper the same numbers", async () => {
  const config = cases[0]!.config({ ...often, step: "dense" });
  const loop = await train(cpu, config, x, { threads: 1, wrapper: "loop", epochsPerRun: 1 });
  expect(loop.resampled!.some((count) => count > 0)).toBe(true);
  for (const wrapper of ["loop", "scan", "single"] as const) {
    const [one, ...others] = await Promise.all(
      [1, 3, 7].map((epochsPerRun) => train(cpu, config, x, { threads: 1, wrapper, epochsPerRun })),
    );
    for (const other of others) expect(other).toEqual(one);
    expect(one!.resampled).toEqual(loop.resampled);
    expect(worst(one!.state, loop.state)).toBeLessThan(5e-6);
  }
});

test("a row's chance grows with the square of its squared error", async () => {
  const config = trainConfig({ ...often, inputDim: 2, latentDim: 64, options: { k: 1 }, batchSize: 2 });
  const first = initialState(config, x);
  const zero = (name: string) =>
    tensor(
      "float32",
      first[name]!.dims,
      first[name]!.data.map(() => 0),
    );
  const since = new Float32Array(64);
  since[7] = 9;
  // Nothing is rebuilt, so that squared errors are 1 and 4: chances of 1 to 16.
  const state = { ...first, W_dec: zero("W_dec"), steps_since_fired: tensor("float32", [64], since) };
  const rows = tensor("float32", [2, 2], Float32Array.of(1, 0, 0, 2));
  let second = 0;
  for (let epochsDone = 1; epochsDone <= 150; epochsDone++) {
    const after = await resampled(cpu, config, state, { activations: rows }, { epochsDone });
    second += after.state.W_dec!.data[15]!;
  }
  expect(Math.abs(second / 150 - 16 / 17)).toBeLessThan(0.06);
});

test("a longer training goes on from a finished one to the same bytes: none is resampled after the last epoch", async () => {
  const config = (epochs: number) =>
    trainConfig({ ...often, inputDim: 16, latentDim: 64, options: { k: 2 }, batchSize: 24, epochs, step: "dense" });
  const short = await train(cpu, config(4), x, { threads: 1 });
  expect(short.resampled).toHaveLength(1);
  expect(await train(cpu, config(7), x, { threads: 1, from: short })).toEqual(
    await train(cpu, config(7), x, { threads: 1 }),
  );
});

test("step live stays exact", async () => {
  const request = { ...often, inputDim: 16, options: { k: 2 }, batchSize: 24, latentDim: 96 };
  const [live, dense] = await Promise.all(
    ["live", "dense"].map((step) => train(cpu, trainConfig({ ...request, latentDim: 96, step }), x, { threads: 1 })),
  );
  expect(live!.resampled).toEqual(dense!.resampled);
  expect(dense!.resampled![0]).toBeGreaterThan(0);
  expect(worst(live!.state, dense!.state)).toBeLessThan(5e-6);
});

test("a running mean of the weights begins again too", async () => {
  const config = cases[0]!.config({ ...often, step: "dense", ema: 0.9 });
  const { state } = await resampled(cpu, config, await withDead(config), { activations: x }, { epochsDone: 2 });
  expect(rowOf(state["ema.W_enc"]!, 0)).toEqual(rowOf(state.W_enc!, 0));
  expect(rowOf(state["ema.W_enc"]!, 1)).not.toEqual(rowOf(state.W_enc!, 1));
});

test("a transcoder's decoder begins with what is to be rebuilt", async () => {
  const targets = tensor(
    "float32",
    [120, 24],
    Float32Array.from({ length: 120 * 24 }, (_, i) => Math.sin(i)),
  );
  const config = trainConfig({
    ...often,
    inputDim: 16,
    latentDim: 64,
    outputDim: 24,
    options: { k: 2 },
    batchSize: 24,
  });
  const first = initialState(config, { activations: x, targets });
  const dead = { ...first, steps_since_fired: tensor("float32", [64], new Float32Array(64).fill(9)) };
  const { state, count } = await resampled(cpu, config, dead, { activations: x, targets }, { epochsDone: 2 });
  expect(count).toBe(64);
  const rows = Array.from({ length: 120 }, (_, i) => i);
  const from = rows.find((row) => near(rowOf(state.W_dec!, 5), unit(rowOf(targets, row))))!;
  expect(near(unit(rowOf(state.W_enc!, 5)), unit(rowOf(x, from)))).toBe(true);
});

test("rows are drawn with chances in proportion to their weights, each once, and never without weight", () => {
  const rng = random(1, "test");
  const counts = [0, 0, 0];
  for (let i = 0; i < 20000; i++) counts[weightedSample(Float64Array.of(1, 0, 9), 1, rng)[0]!]!++;
  expect(counts[1]).toBe(0);
  expect(Math.abs(counts[2]! / 20000 - 0.9)).toBeLessThan(0.01);
  expect(Array.from(weightedSample(Float64Array.of(1, 0, 9), 3, rng)).sort()).toEqual([0, 2]);
});

test("latents that can never fire again do so once they are resampled", async () => {
  const request = { inputDim: 16, latentDim: 64, batchSize: 24, epochs: 12, deadSteps: 4, step: "dense" };
  const deadOf = async (resampleEvery: number) => {
    const more = { architecture: "relu-l1", options: { lambda: 0.1 }, resampleEvery };
    const config = trainConfig({ ...request, ...more });
    const first = initialState(config, x);
    // Far below zero for every row: no gradient ever reaches them.
    const b_enc = first.b_enc!.data.map((_, i) => (i % 3 === 0 ? -9 : 0));
    const state = { ...first, b_enc: tensor("float32", [64], b_enc) };
    const after = await train(cpu, config, x, { threads: 1, from: { state, epochsDone: 0, loss: [] } });
    return after.state.steps_since_fired!.data.filter((steps) => steps >= 5).length;
  };
  expect(await deadOf(0)).toBeGreaterThanOrEqual(22);
  expect(await deadOf(4)).toBeLessThan(8);
});

describe("refused before the first step", () => {
  const request = {
    inputDim: 16,
    latentDim: 32,
    options: { k: 4 },
    batchSize: 24,
    epochs: 6,
    resampleEvery: 2,
    deadSteps: 5,
  };
  test.each<[Partial<TrainRequest>, string]>([
    [
      { options: { k: 32 } },
      "resampleEvery: with k = latentDim = 32 every row keeps every latent, so that none can die",
    ],
    [
      { resampleEvery: 6 },
      "resampleEvery = 6: of 6 epochs none begins after so many, so that nothing would be resampled",
    ],
    [{ resampleEvery: -1 }, "resampleEvery must be an integer of at least 0, got -1"],
  ])("%j", (change, message) => {
    expect(() => trainConfig({ ...request, ...change })).toThrow(message);
  });

  test("where no latent can be dead by the last resampling", () => {
    const config = trainConfig({ ...request, deadSteps: 21 });
    expect(() => timedFor(config, 120)).toThrow(
      "resampleEvery: a latent is dead after deadSteps = 21 steps, and only 20 come before the last resampling, so that none can die; lower deadSteps, or leave resampleEvery out",
    );
    expect(timedFor({ ...config, deadSteps: 20 }, 120).resampleEvery).toBe(2);
  });
});
