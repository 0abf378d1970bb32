import { describe, expect, test } from "vitest";
import { type TrainRequest, timedFor, trainConfig } from "../../src/config/config.ts";
import { freeze } from "../../src/export/freeze.ts";
import * as op from "../../src/graph/ops.ts";
import { packModel } from "../../src/onnx/model.ts";
import { type ScheduleName, scheduled, scheduledNumber, schedules } from "../../src/optim/schedules.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { finishedTensors } from "../../src/train/finished.ts";
import { scaledRows, scalingOf } from "../../src/train/scaling.ts";
import { initialState, type TrainState } from "../../src/train/state.ts";
import { train } from "../../src/train/train.ts";
import { type HostTensor, scalar, tensor } from "../../src/util/tensor.ts";
import { evaluateGraph } from "../run.ts";
import { dictionaryRows } from "../sae/dictionary.ts";
import { worst } from "./states.ts";

const x = dictionaryRows(300, 16);
const config = (request: Partial<TrainRequest> = {}) =>
  trainConfig({ ...{ inputDim: 16, latentDim: 48, batchSize: 32, epochs: 3 }, options: { k: 4 }, ...request });
const trained = (request: Partial<TrainRequest> = {}, start?: TrainState) =>
  train(cpu, config(request), x, { threads: 1, start });

describe("schedules", () => {
  const timing = { warmup: 5, decayFrom: 12, decay: 8, final: 0.1 };

  test.each(Object.keys(schedules) as ScheduleName[])(
    "%s is the same in the graph and as a number",
    async (schedule) => {
      const done = op.input("float32", []);
      for (let step = 0; step < 24; step++) {
        const { share } = await evaluateGraph(
          { done },
          { share: scheduled(done, { schedule, ...timing }) },
          { done: scalar(step) },
        );
        expect(Number(share!.data[0])).toBeCloseTo(scheduledNumber(step, { schedule, ...timing }), 6);
      }
    },
  );

  test("rise to 1 at the end of the warm-up, stay, and fall to what is left", () => {
    const at = (schedule: ScheduleName) =>
      [0, 4, 5, 12, 16, 20, 30].map((step) => scheduledNumber(step, { schedule, ...timing }));
    expect(at("constant")).toEqual([0.2, 1, 1, 1, 1, 1, 1]);
    expect(at("linear").map((v) => Number(v.toFixed(6)))).toEqual([0.2, 1, 1, 1, 0.55, 0.1, 0.1]);
    expect(at("cosine")[4]).toBeCloseTo(0.55, 9);
    expect(at("cosine")[6]).toBeCloseTo(0.1, 9);
  });

  test("shares are of all steps; steps are counted over epochs and runs", async () => {
    const timed = timedFor(config({ schedule: "linear", warmup: 0.1 }), 300);
    expect(timed.totalSteps).toBe(30);
    const { state } = await trained({ schedule: "linear", warmup: 0.1 });
    expect(state.steps_done!.data[0]).toBe(30);
    // Warm-ups in steps do not depend on how many there are.
    expect(timedFor(config({ warmup: 7 }), 300)).not.toHaveProperty("totalSteps");
  });

  test("k falls in a straight line from where it starts", async () => {
    const ls: number[] = [];
    await train(cpu, config({ sparsityWarmup: 20, sparsityStart: 24, epochs: 3 }), x, {
      threads: 1,
      epochsPerRun: 1,
      async onRun({ state }) {
        ls.push(state.steps_done!.data[0]!);
        return true;
      },
    });
    expect(ls).toEqual([10, 20, 30]);
    expect(() => config({ sparsityWarmup: 0.1, step: "live" })).toThrow("step live needs the same k at every step");
  });
});

describe("live rows stay exact", () => {
  test.each<[string, Partial<TrainRequest>]>([
    ["under a schedule", { schedule: "cosine", warmup: 0.2 }],
    ["with clipped gradients", { clipNorm: 0.05 }],
    ["with momentum", { optimizer: "momentum", learningRate: 0.3 }],
    ["on scaled and centred rows", { inputScale: "entries", centre: true, options: { k: 4, decoderBias: true } }],
  ])("%s", async (_, request) => {
    const more = { ...request, epochs: 6, latentDim: 96 };
    const [live, dense] = [await trained({ ...more, step: "live" }), await trained({ ...more, step: "dense" })];
    expect(worst(live.state, dense.state)).toBeLessThan(5e-6);
  });

  test("or are refused by name", () => {
    expect(() => config({ weightDecay: 0.1, step: "live" })).toThrow("with weightDecay they never do; use step dense");
    expect(() => config({ ema: 0.9, step: "live" })).toThrow("their running mean (ema) does not; use step dense");
    expect(config({ latentDim: 480, weightDecay: 0.1 }).step).toBe("dense");
  });
});

test("ema: the finished SAE has the running mean of the weights of all steps", async () => {
  const kept = 0.8;
  const mean: Record<string, Float64Array> = {};
  const request = { ema: kept, batchSize: 300, epochs: 8 };
  for (const [name, { data }] of Object.entries(initialState(config(request), x))) mean[name] = Float64Array.from(data);
  const { state } = await train(cpu, config(request), x, {
    threads: 1,
    epochsPerRun: 1,
    async onRun({ state }) {
      for (const [name, values] of Object.entries(mean))
        for (let i = 0; i < values.length; i++) values[i]! += (1 - kept) * (state[name]!.data[i]! - values[i]!);
      return true;
    },
  });
  const finished = finishedTensors(config(request), state);
  expect(Object.keys(finished)).toEqual(["W_enc", "b_enc", "W_dec"]);
  for (const [name, { data }] of Object.entries(finished)) {
    for (const [i, value] of data.entries()) expect(Math.abs(value - mean[name]![i]!)).toBeLessThan(1e-6);
    expect(data).not.toEqual(state[name]!.data);
  }
});

/** Runs a frozen autoencoder. */
async function run(request: Partial<TrainRequest>, tensors: TrainState, activations: HostTensor<"float32">) {
  const checkpoint = {
    ...{ config: config(request), tensors, epochsDone: 3, loss: [] },
    ...{ dataDigest: "", layer: null, position: null, metrics: {} },
  };
  const session = await cpu.open(packModel(freeze(checkpoint, "autoencoder")), { threads: 1 });
  try {
    return await session.run({ activations });
  } finally {
    await session.release();
  }
}

describe.each<[string, Partial<TrainRequest>]>([
  ["scaled by entries", { inputScale: "entries" }],
  ["scaled by rows and centred", { inputScale: "rows", centre: true, options: { k: 4, decoderBias: true } }],
  ["centred, b_dec off the input", { centre: true, architecture: "topk-relu" }],
  ["scaled and centred, b_dec off the input", { inputScale: "rows", centre: true, architecture: "topk-relu" }],
])("%s", (_, request) => {
  const scaling = scalingOf(config(request), { activations: x });
  const [mean, scale] = [scaling.input_mean?.data ?? new Float32Array(16), scaling.input_scale?.data[0] ?? 1];

  test("training sees rows of mean square 1, or of mean 0", () => {
    const { data } = scaledRows(x, scaling, "input");
    if (request.inputScale) {
      const count = request.inputScale === "rows" ? 300 : data.length;
      expect(data.reduce((sum, v) => sum + v * v, 0) / count).toBeCloseTo(1, 4);
    }
    if (request.centre) expect(data.filter((_, i) => i % 16 === 3).reduce((sum, v) => sum + v, 0)).toBeCloseTo(0, 3);
  });

  test("the finished SAE gives on rows as they are what the trained one gives on scaled rows", async () => {
    const { state } = await trained(request);
    const own = Object.fromEntries(
      Object.keys(finishedTensors(config(request), state)).map((name) => [name, state[name]!]),
    );
    const [inside, outside] = [
      await run({ ...request, inputScale: "none", centre: false }, own, scaledRows(x, scaling, "input")),
      await run(request, finishedTensors(config(request), state), x),
    ];
    let fired = 0;
    for (const [i, z] of (inside.latents!.data as Float32Array).entries()) {
      if (z !== 0) fired++;
      expect(Math.abs(Number(outside.latents!.data[i]) - z / scale)).toBeLessThan(1e-5 / scale);
    }
    expect(fired).toBeGreaterThan(300);
    for (const [i, value] of (inside.reconstruction!.data as Float32Array).entries())
      expect(Math.abs(Number(outside.reconstruction!.data[i]) - (value / scale + mean[i % 16]!))).toBeLessThan(
        1e-5 / scale,
      );
  });

  test("started from a finished SAE, training begins where that ended", async () => {
    const first = await trained(request);
    const start = finishedTensors(config(request), first.state);
    const again = initialState(config({ ...request, initFrom: "0".repeat(64) }), x, start);
    for (const name of Object.keys(start))
      for (const [i, value] of again[name]!.data.entries())
        expect(Math.abs(value - first.state[name]!.data[i]!), name).toBeLessThan(1e-5);
  });
});

describe("first values", () => {
  test("of b_dec: zeros, the mean row, the architecture's own", () => {
    const b_dec = (biasStart: TrainRequest["biasStart"]) =>
      initialState(config({ biasStart, preset: "original" }), x).b_dec!.data;
    expect(b_dec("zeros").every((v) => v === 0)).toBe(true);
    const mean = Array.from(
      { length: 16 },
      (_, d) => x.data.filter((_, i) => i % 16 === d).reduce((sum, v) => sum + v, 0) / 300,
    );
    for (const [i, v] of b_dec("mean").entries()) expect(v).toBeCloseTo(mean[i]!, 5);
    expect(b_dec("own")).toEqual(initialState(config({ preset: "original" }), x).b_dec!.data);
  });

  test("of W_enc: W_dec's where that is asked for", () => {
    const { W_enc, W_dec } = initialState(config({ tiedStart: "yes" }), x);
    expect(W_enc).toEqual(W_dec);
    expect(initialState(config(), x).W_enc).not.toEqual(W_dec);
    expect(initialState(config(), x).W_dec).toEqual(W_dec);
  });
});

describe("contradictions are refused before anything runs", () => {
  test.each<[Partial<TrainRequest>, string]>([
    [{ decay: 0.2 }, "decay is for a schedule that falls, schedule is constant; choose linear or cosine"],
    [{ finalRate: 0.2 }, "finalRate is for a schedule that falls"],
    [{ momentum: 0.5 }, "momentum is no option of optimizer adam"],
    [{ optimizer: "momentum", beta1: 0.5 }, "beta1 is no option of optimizer momentum"],
    [{ optimizer: "lion" }, "optimizer must be one of adam, momentum, sgd, got lion"],
    [{ centre: true }, "centre needs a decoder bias b_dec, which topk with these options has not; add decoderBias"],
    [{ biasStart: "mean" }, "biasStart needs a decoder bias b_dec"],
    [{ sparsityStart: 8 }, "sparsityStart is where k starts from while it falls; it needs sparsityWarmup"],
    [{ sparsityStart: 3, sparsityWarmup: 0.5 }, "sparsityStart must be at least k = 4, got 3"],
    [{ tiedStart: "yes", outputDim: 24 }, "tiedStart needs inputs and targets of one width, they are 16 and 24 wide"],
    [
      { tiedStart: "yes", initFrom: "0".repeat(64) },
      "tiedStart says where weights start, and so does initFrom; give one of them",
    ],
    [{ ema: 1 }, "ema must be a number from 0 to below 1, got 1"],
    [{ learningRate: 0 }, "learningRate must be a number above 0, got 0"],
  ])("%j", (request, message) => {
    expect(() => config(request)).toThrow(message);
  });

  test.each<[object, string]>([
    [{ epoch: 3 }, "a training configuration has no epoch; it has architecture, preset, options, "],
    [{ k: 3 }, "k is an option of architecture topk; write options: { k: ... }"],
  ])("a name that there is not: %j", (request, message) => {
    expect(() => config(request)).toThrow(message);
  });

  test("a schedule of more steps than float32 counts", () => {
    const long = { schedule: "linear", batchSize: 1, epochs: 60000 } as const;
    expect(() => timedFor(config(long), 300)).toThrow("a schedule counts at most 16777216 steps");
  });
});

test("a transcoder learns targets of another width, in every wrapper alike", async () => {
  const width = 24;
  const data = new Float32Array(300 * width);
  for (let i = 0; i < data.length; i++)
    data[i] = x.data[Math.floor(i / width) * 16 + (i % 16)]! * (i % width < 16 ? 1 : -2) + 0.5;
  const targets = tensor("float32", [300, width], data);
  const request = { outputDim: width, epochs: 80, architecture: "topk-relu", learningRate: 1e-2 } as const;
  const rows = { activations: x, targets };
  const { state, loss } = await train(cpu, config(request), rows, { threads: 1, epochsPerRun: 80 });
  expect(state.W_dec!.dims).toEqual([48, width]);
  expect(loss.at(-1)).toBeLessThan(0.4 * loss[0]!);
  const short = { ...request, epochs: 2 };
  const [loop, scan, single] = [
    await train(cpu, config(short), rows, { threads: 1, wrapper: "loop" }),
    await train(cpu, config({ ...short, step: "dense" }), rows, { threads: 1, wrapper: "scan" }),
    await train(cpu, config({ ...short, step: "dense" }), rows, { threads: 1, wrapper: "single" }),
  ];
  for (const other of [scan, single]) expect(worst(other.state, loop.state)).toBeLessThan(5e-6);
  await expect(train(cpu, config(request), x)).rejects.toThrow(
    "the configuration says outputDim = 24, and there are no targets",
  );
});
