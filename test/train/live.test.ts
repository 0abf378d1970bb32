import { describe, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { cpu } from "../../src/runtime/node.ts";
import { type TrainConfig, type TrainRequest, trainConfig } from "../../src/sae/config.ts";
import { type TrainProgress, train } from "../../src/train/train.ts";
import { sparseRows } from "../cli/run.ts";
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
    "preset original: decoder bias, rows free after the start",
    { rows: 300, inputDim: 24, latentDim: 64, preset: "original", options: { k: 4 }, batchSize: 32 },
  ],
  [
    "decoder bias and unit rows",
    { rows: 300, inputDim: 24, latentDim: 64, options: { k: 4, decoderBias: true }, batchSize: 32 },
  ],
  [
    "no unit norm, chosen by value",
    { rows: 300, inputDim: 24, latentDim: 64, options: { k: 4, unitNorm: "none", select: "value" }, batchSize: 32 },
  ],
  [
    "topk-relu",
    { rows: 300, inputDim: 24, latentDim: 64, architecture: "topk-relu", options: { k: 4 }, batchSize: 32 },
  ],
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
