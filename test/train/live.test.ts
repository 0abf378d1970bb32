import { describe, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { type TrainConfig, type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { shuffledBatches } from "../../src/train/runs/batches.ts";
import { initialState } from "../../src/train/state.ts";
import { blockCount, driftNames } from "../../src/train/steps/live/layout.ts";
import { type TrainProgress, train } from "../../src/train/train.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { sparseRows } from "../cli/run.ts";
import { exampleOptions, livePresets } from "../sae/cases.ts";
import { worst } from "./states.ts";

/** Shapes, options and a number of rows that is no multiple of the batch. */
const cases: [string, Omit<TrainRequest, "inputDim"> & { rows: number; inputDim: number }][] = [
  ["preset report", { rows: 300, inputDim: 24, latentDim: 64, options: { k: 3 }, batchSize: 32 }],
  ["k = 1", { rows: 200, inputDim: 16, latentDim: 40, options: { k: 1 }, batchSize: 25 }],
  ["every latent kept", { rows: 200, inputDim: 16, latentDim: 20, options: { k: 20 }, batchSize: 32 }],
  [
    "sums long enough to feel their order",
    { rows: 600, inputDim: 96, latentDim: 400, options: { k: 24 }, batchSize: 128 },
  ],
  ["many latents, few live", { rows: 256, inputDim: 32, latentDim: 512, options: { k: 2 }, batchSize: 64 }],
  [
    "decoder bias and unit rows",
    { rows: 300, inputDim: 24, latentDim: 64, options: { k: 4, decoderBias: true }, batchSize: 32 },
  ],
  [
    "no unit norm, chosen by value",
    { rows: 300, inputDim: 24, latentDim: 64, options: { k: 4, unitNorm: "none", select: "value" }, batchSize: 32 },
  ],
  ...livePresets.map((one): (typeof cases)[number] => {
    const options = exampleOptions(one.architecture, 64, 2);
    const dead = { auxK: 12, auxCoefficient: 0.5, deadSteps: 3 };
    return [
      `${one.architecture} ${one.preset} with auxK`,
      { ...one, ...dead, rows: 300, inputDim: 24, latentDim: 64, options, batchSize: 32 },
    ];
  }),
  [
    "auxK of more latents than are dead",
    { rows: 300, inputDim: 24, latentDim: 64, options: { k: 3 }, batchSize: 32, auxK: 64, deadSteps: 2 },
  ],
  ...livePresets.map((one): (typeof cases)[number] => {
    const options = exampleOptions(one.architecture, 64);
    return [
      `${one.architecture} ${one.preset}`,
      { ...one, rows: 300, inputDim: 24, latentDim: 64, options, batchSize: 32 },
    ];
  }),
];

describe.each(cases)("live rows, %s", (_name, { rows, ...request }) => {
  const data = sparseRows(rows, request.inputDim);
  const [config, reference] = ["live", "dense"].map((step) => trainConfig({ ...request, epochs: 2, step })) as [
    TrainConfig,
    TrainConfig,
  ];

  test("two epochs equal the dense form to float rounding", async () => {
    const dense = await train(cpu, reference, data);
    const live = await train(cpu, config, data);
    expect(worst(live.state, dense.state)).toBeLessThan(2e-6);
    for (const [i, loss] of dense.loss.entries()) expect(Math.abs(live.loss[i]! / loss - 1)).toBeLessThan(1e-6);
    expect(live.state.steps_since_fired!.data).toEqual(dense.state.steps_since_fired!.data);
  });

  test("stopped between its epochs and gone on from a checkpoint, it writes the same bytes", async () => {
    const whole = await train(cpu, config, data);
    const checkpoint = ({ state, epochsDone, loss }: TrainProgress) =>
      writeCheckpoint({
        config,
        tensors: state,
        epochsDone,
        loss,
        dataDigest: "",
        layer: null,
        position: null,
        metrics: {},
      });
    const half = await train(cpu, config, data, { onRun: async () => false });
    const { tensors, epochsDone, loss } = readCheckpoint(checkpoint(half), "half.safetensors");
    const rest = await train(cpu, config, data, { from: { state: tensors, epochsDone, loss } });
    for (const [name, { data }] of Object.entries(whole.state)) expect(rest.state[name]!.data, name).toEqual(data);
    expect(checkpoint(rest)).toEqual(checkpoint(whole));
  });

  test("two epochs in one run give the same bytes as two runs", async () => {
    const apart = await train(cpu, config, data);
    const together = await train(cpu, config, data, { epochsPerRun: 2 });
    for (const [name, { data }] of Object.entries(apart.state)) expect(together.state[name]!.data, name).toEqual(data);
  });

  test("the forms take over from each other", async () => {
    const dense = await train(cpu, reference, data);
    const first = await train(cpu, reference, data, { onRun: async () => false });
    const mixed = await train(cpu, config, data, { from: first });
    expect(worst(mixed.state, dense.state)).toBeLessThan(2e-6);
  });
});

test("live rows in two blocks equal the dense form, and go on to the same bytes", async () => {
  const request = { inputDim: 512, latentDim: 2100, options: { k: 40 }, batchSize: 64, epochs: 2 };
  const [config, reference] = ["live", "dense"].map((step) => trainConfig({ ...request, step }));
  const data = sparseRows(200, 512);
  expect(blockCount(config!)).toBe(2);
  const [live, dense] = [await train(cpu, config!, data), await train(cpu, reference!, data)];
  // Gradients and losses: Adam's first steps go by their signs alone, so that weights differ where a gradient is all rounding.
  const moments = Object.entries(dense.state).filter(([name]) => /^[mv]\./.test(name));
  expect(worst(live.state, Object.fromEntries(moments))).toBeLessThan(2e-6);
  for (const [i, loss] of dense.loss.entries()) expect(Math.abs(live.loss[i]! / loss - 1)).toBeLessThan(1e-6);

  const from = await train(cpu, config!, data, { onRun: async () => false });
  const resumed = await train(cpu, config!, data, { from });
  for (const [name, { data }] of Object.entries(live.state))
    expect(Buffer.from(resumed.state[name]!.data.buffer).equals(Buffer.from(data.buffer)), name).toBe(true);
}, 60_000);

test("with auxK, rows that learn only from the auxiliary loss go on moving, however long they have not fired", async () => {
  const request = { inputDim: 24, latentDim: 256, options: { k: 2 }, batchSize: 16, epochs: 40, auxK: 4, deadSteps: 5 };
  const [config, reference] = ["live", "dense"].map((step) => trainConfig({ ...request, step }));
  const data = sparseRows(64, 24);
  const [live, dense] = [await train(cpu, config!, data), await train(cpu, reference!, data)];
  for (const [i, loss] of dense.loss.entries()) expect(Math.abs(live.loss[i]! / loss - 1)).toBeLessThan(1e-4);
  const { W_enc } = initialState(config!, data);
  const movedIn = ({ state }: TrainProgress) =>
    Array.from({ length: 256 }, (_, latent) => latent).filter((latent) => {
      const own = (all: Float32Array) => Array.from(all.subarray(24 * latent, 24 * (latent + 1)));
      return state.steps_since_fired!.data[latent]! >= 160 && own(state.W_enc!.data).join() !== own(W_enc!.data).join();
    });
  expect(movedIn(dense).length).toBeGreaterThan(10);
  expect(movedIn(live)).toEqual(movedIn(dense));
  // Large matrices have a group for rows that only drift. With auxK they are not told from rows that learn.
  const large = { inputDim: 400, latentDim: 8192, options: { k: 2 }, step: "live" };
  expect([0, 4].map((auxK) => driftNames(trainConfig({ ...large, auxK })))).toEqual([["drift"], []]);
});

test("a call with more steps than a slot's scale has room for in float32 is several runs", async () => {
  const data = sparseRows(3600, 8);
  const [live, dense] = await Promise.all(
    ["live", "dense"].map(async (step) => {
      const config = trainConfig({ inputDim: 8, latentDim: 32, options: { k: 2 }, batchSize: 3, step });
      const trainer = await Trainer.open(cpu, config, data);
      const losses = await trainer.run(shuffledBatches(config, 3600, [0]));
      await trainer.release();
      return losses;
    }),
  );
  // 0.9^1200 is far below the smallest float32.
  expect(live).toHaveLength(1200);
  const mean = (losses: Float32Array) => losses.reduce((sum, one) => sum + one, 0) / losses.length;
  expect(Math.abs(mean(live!) / mean(dense!) - 1)).toBeLessThan(1e-3);
});

test("runs have as many epochs as were before them, up to 100 steps, whatever is asked for", async () => {
  const data = sparseRows(100, 16);
  const config = trainConfig({
    inputDim: 16,
    latentDim: 64,
    options: { k: 2 },
    batchSize: 10,
    epochs: 25,
    step: "live",
  });
  const ends: number[] = [];
  const { loss } = await train(cpu, config, data, {
    epochsPerRun: 3,
    onRun: async ({ epochsDone }) => ends.push(epochsDone) > 0,
  });
  expect(ends).toEqual([1, 2, 4, 8, 16, 25]);
  expect(loss).toHaveLength(25);
});
