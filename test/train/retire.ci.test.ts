import { describe, expect, test } from "vitest";
import { type TrainConfig, type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { adam } from "../../src/optim/adam.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { TrainState } from "../../src/train/state.ts";
import { LiveRows } from "../../src/train/steps/live/hostRows.ts";
import { type TrainProgress, train } from "../../src/train/train.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";
import { exampleOptions, livePresets } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";
import { worst } from "./states.ts";

const width = 16;
const latentDim = 48;
/** 64 rows on the first half of the dims, then 64 on the second: their latents have little to do with each other. */
function rowsOfTwoKinds(width: number) {
  const rng = random(1, "two kinds of rows");
  const data = new Float32Array(128 * width);
  for (const [i] of data.entries())
    if (i % width < width / 2 === i < 64 * width) data[i] = rng.normal() * (1 + (i % 5));
  return tensor("float32", [128, width], data);
}
const rows = rowsOfTwoKinds(width);
const order = BigInt64Array.from({ length: 128 }, (_, i) => BigInt(i));
/** Eight batches of eight rows of one kind. */
const batchesOf = (kind: 0 | 1) => ({
  order,
  bounds: Array.from({ length: 8 }, (_, i) => ({ from: 64 * kind + 8 * i, to: 64 * kind + 8 * (i + 1) })),
});

/** State and losses after some runs of one kind of rows or the other. */
async function trained(config: TrainConfig, data: typeof rows, kinds: readonly (0 | 1)[], from?: TrainState) {
  const trainer = await Trainer.open(cpu, config, data, { threads: 1, state: from });
  const losses = [];
  for (const kind of kinds) losses.push(...(await trainer.run(batchesOf(kind))));
  const { state } = trainer;
  await trainer.release();
  return { state, losses };
}

async function phases(request: Partial<TrainRequest>, kinds: readonly (0 | 1)[]) {
  const config = trainConfig({ inputDim: width, latentDim, options: { k: 2 }, batchSize: 8, ...request });
  const { state, losses } = await trained(config, rows, kinds);
  const moving = (name: string) =>
    Array.from({ length: latentDim }, (_, i) =>
      state[name]!.data.subarray(i * width, (i + 1) * width).some((v) => v !== 0),
    );
  return { state, losses, m: moving("m.W_dec"), v: moving("v.W_dec") };
}
const repeat = (kind: 0 | 1, count: number) => Array<0 | 1>(count).fill(kind);

describe.each(livePresets)("rows at rest, $architecture $preset", (one) => {
  const request = { ...one, options: exampleOptions(one.architecture, latentDim, 2) };
  const long = [...repeat(0, 4), ...repeat(1, 40)];

  test("latents that are no longer kept lose their first moment and keep their second; nothing else shows", async () => {
    const exact = await phases({ ...request, step: "live", retire: 0 }, long);
    const retired = await phases({ ...request, step: "live" }, long);
    const resting = retired.m.map((moves, i) => !moves && retired.v[i]!);
    expect(resting.filter(Boolean).length).toBeGreaterThan(3);
    for (const [i, rests] of resting.entries()) if (rests) expect(exact.v[i]).toBe(true);
    expect(retired.v).toEqual(exact.v);
    // What they would still have moved is below half a unit in the last place of their length; no other number is touched.
    const { state } = retired;
    const near = Object.entries(exact.state).filter(([name]) => !name.startsWith("m."));
    expect(worst(state, Object.fromEntries(near))).toBeLessThan(2e-6);
  });

  test("kept again, they go on as if they had been carried all the time", async () => {
    const again = [...long, ...repeat(0, 3), ...repeat(1, 30), 0] as (0 | 1)[];
    const dense = await phases({ ...request, step: "dense" }, again);
    const live = await phases({ ...request, step: "live" }, again);
    const resting = live.m.filter((moves, i) => !moves && live.v[i]!).length;
    expect(resting).toBeLessThan(live.v.filter(Boolean).length);
    expect(worst(live.state, dense.state)).toBeLessThan(1e-4);
    for (const [i, loss] of dense.losses.entries()) expect(Math.abs(live.losses[i]! / loss - 1)).toBeLessThan(1e-5);
  });

  test("stopped while rows rest and gone on with, it gives the same bytes", async () => {
    const config = trainConfig({
      ...{ inputDim: width, latentDim: 200, batchSize: 8, epochs: 30, step: "live", ...request },
      retire: 1e-5,
    });
    const x = dictionaryRows(100, width);
    const whole = await train(cpu, config, x, { threads: 1 });
    let half: TrainProgress | undefined;
    await train(cpu, config, x, {
      threads: 1,
      onRun: async ({ state, epochsDone, loss }) => {
        half = { state, epochsDone, loss };
        return epochsDone < 17;
      },
    });
    const resting = Array.from({ length: 200 }, (_, i) => i).filter((i) => {
      const row = (name: string) => half!.state[name]!.data.subarray(i * width, (i + 1) * width);
      return row("v.W_enc").some((v) => v !== 0) && row("m.W_enc").every((m) => m === 0);
    });
    expect(resting.length).toBeGreaterThan(0);
    expect(await train(cpu, config, x, { threads: 1, from: half })).toEqual(whole);
  });
});

describe("large matrices: idle rows drift, their moments not carried", () => {
  const request = { latentDim: 8192, inputDim: 512, options: { k: 2 }, batchSize: 8, retire: 0 } as const;
  const data = rowsOfTwoKinds(request.inputDim);
  const [config, reference] = ["live", "dense"].map((step) => trainConfig({ ...request, step })) as [
    TrainConfig,
    TrainConfig,
  ];
  const run = (config: TrainConfig, kinds: readonly (0 | 1)[], state?: TrainState) =>
    trained(config, data, kinds, state);
  const drifting = (state: TrainState) =>
    Array.from(new LiveRows(config, state).feeds()["latents.drift"]!.data as BigInt64Array, Number);

  test("they move as in the dense form, and are where it has them when they are kept again", async () => {
    const { state } = await run(reference, repeat(0, 2));
    // As if no row had been kept for long: all that move drift, by moments that are still large.
    const idle = { ...state, steps_since_fired: tensor("float32", [8192], new Float32Array(8192).fill(100)) };
    expect(drifting(idle).length).toBeGreaterThan(20);
    const [dense, live] = [await run(reference, [1, 0], idle), await run(config, [1, 0], idle)];
    for (const [i, loss] of dense.losses.entries()) expect(Math.abs(live.losses[i]! / loss - 1)).toBeLessThan(1e-6);
    // Weights differ more where a gradient is all rounding: Adam's steps go by its sign.
    const moments = Object.entries(dense.state).filter(([name]) => /^[mv][.]/.test(name));
    expect(worst(live.state, Object.fromEntries(moments))).toBeLessThan(5e-6);
  });

  test("stopped while rows drift and gone on with, it gives the same bytes", async () => {
    const kinds = [...repeat(0, 2), ...repeat(1, 13), ...repeat(0, 2)];
    const whole = await run(config, kinds);
    const half = await run(config, kinds.slice(0, -2));
    const keptAgain = drifting(half.state).filter((latent) => whole.state.steps_since_fired!.data[latent]! < 16);
    expect(keptAgain.length).toBeGreaterThan(10);
    const rest = await run(config, kinds.slice(-2), half.state);
    for (const [name, { data }] of Object.entries(whole.state))
      expect(Buffer.from(rest.state[name]!.data.buffer).equals(Buffer.from(data.buffer)), name).toBe(true);
  });
});

test("the bound on what a row would still move holds, and is no more than 3 times too large", () => {
  const rng = random(3, "rest");
  for (const [steps, scale] of [
    [1, 1],
    [30, 1e-6],
    [400, 1e-3],
    [5000, 1],
  ] as const) {
    let [mWeight, vWeight] = [0, 0];
    for (let i = 0; i < steps; i++) [mWeight, vWeight] = [0.9 * mWeight + 1, 0.999 * vWeight + 1];
    const [m, v] = [new Float32Array(8), new Float32Array(8)];
    for (let i = 0; i < 8; i++) [m[i], v[i]] = [scale * rng.normal(), scale ** 2 * (0.1 + rng.uniform())];
    v[0] = 0;
    let way = 0;
    const squares = new Float64Array(8);
    const [first, second] = [Float64Array.from(m), Float64Array.from(v)];
    for (let step = 0; step < 3000; step++) {
      [mWeight, vWeight] = [0.9 * mWeight + 1, 0.999 * vWeight + 1];
      for (let i = 0; i < 8; i++) {
        [first[i], second[i]] = [0.9 * first[i]!, 0.999 * second[i]!];
        squares[i]! += (1e-3 * Math.abs(first[i]! / mWeight)) / (Math.sqrt(second[i]! / vWeight) + 1e-8);
      }
    }
    way = Math.hypot(...squares);
    let weight = 0;
    for (let i = 0; i < steps; i++) weight = 0.9 * weight + 1;
    const within = (most: number) =>
      adam.mover({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }).rest.within(most, { m, v }, { m_weight: weight }, 1e-3);
    expect(within(way * 0.999), `${steps} steps`).toBe(false);
    if (steps >= 5000) expect(within(way * 3)).toBe(true);
  }
});

test("retire out of range, or for another step, is refused", () => {
  const of = (more: Partial<TrainRequest>) => () =>
    trainConfig({ inputDim: 8, latentDim: 64, options: { k: 1 }, ...more });
  expect(of({ retire: -1 })).toThrow("retire must be a number from 0 to 1e-3, got -1");
  expect(of({ retire: Number.NaN })).toThrow("retire must be a number from 0 to 1e-3, got NaN");
  expect(of({ retire: 1e-6, step: "dense" })).toThrow("retire is for step live, step is dense");
  expect(of({})().retire).toBe(2 ** -24);
  expect(of({ retire: 0 })()).not.toHaveProperty("retire");
  expect(of({ step: "dense" })()).not.toHaveProperty("retire");
});
