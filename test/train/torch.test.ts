import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readSafetensors, toFloat32, toTensor } from "../../src/data/safetensors.ts";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/node.ts";
import { type TrainConfig, trainConfig } from "../../src/sae/config.ts";
import { forward, parametersOf } from "../../src/sae/spec.ts";
import { stateShapes } from "../../src/train/state.ts";
import { lossAndGradients } from "../../src/train/steps/dense.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { type HostTensor, tensor, zeros } from "../../src/util/tensor.ts";

const file = "test/fixtures/torch-topk-reference.safetensors";
const reference = readSafetensors(new Uint8Array(readFileSync(file)), file);
const get = (name: string): HostTensor<"float32"> => toFloat32(reference.tensors.get(name)!);
const x = get("x");
const order = toTensor(reference.tensors.get("order")!).data as BigInt64Array;
const rows = 300;

/** Largest difference, relative to the reference's largest entry. */
function worst(actual: HostTensor, expected: HostTensor<"float32">): number {
  const scale = expected.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return expected.data.reduce((most, v, i) => Math.max(most, Math.abs(v - Number(actual.data[i]))), 0) / scale;
}

const configOf = (preset: string): TrainConfig =>
  trainConfig({ preset, options: { k: 8 }, inputDim: 64, latentDim: 128, batchSize: 32, epochs: 2 });
const initial = (config: TrainConfig, preset: string) =>
  Object.fromEntries(
    Object.entries(stateShapes(config)).map(([name, shape]) => [
      name,
      reference.tensors.has(`${preset}.init.${name}`) ? get(`${preset}.init.${name}`) : zeros("float32", shape),
    ]),
  );
const bounds = Array.from({ length: 20 }, (_, i) => {
  const start = Math.floor(i / 10) * rows + (i % 10) * 32;
  return { from: start, to: Math.min(start + 32, (Math.floor(i / 10) + 1) * rows) };
});

describe.each(["report", "original"])("preset %s against PyTorch in float64", (preset) => {
  const config = configOf(preset);
  const names = Object.keys(parametersOf(config));

  test("first-step gradients", async () => {
    const batch = op.input("float32", [32, 64]);
    const state = Object.fromEntries(Object.entries(stateShapes(config)).map(([name, shape]) => [name, op.input("float32", shape)]));
    const { loss, gradient } = lossAndGradients(config, batch, state);
    const outputs = Object.fromEntries(Object.entries(gradient).map(([name, value]) => [`d_${name}`, value]));
    const used = Object.fromEntries(names.map((name) => [name, state[name]!]));
    const session = await cpu.open(encodeModel(buildModel({ inputs: { batch, ...used }, outputs: { loss, ...outputs } })));
    const first = order.slice(0, 32);
    const data = Float32Array.from({ length: 32 * 64 }, (_, i) => x.data[Number(first[Math.floor(i / 64)]) * 64 + (i % 64)]!);
    const result = await session.run({ batch: tensor("float32", [32, 64], data), ...initial(config, preset) });
    for (const name of names) expect(worst(result[`d_${name}`]!, get(`${preset}.grad.${name}`)), name).toBeLessThan(1e-5);
  });

  test("weights after one step; losses, weights and latents after twenty", async () => {
    const trainer = await Trainer.open(cpu, config, x, { state: initial(config, preset) });
    const first = await trainer.run({ order, bounds: bounds.slice(0, 1) });
    for (const name of names) expect(worst(trainer.state[name]!, get(`${preset}.step1.${name}`)), name).toBeLessThan(1e-5);
    const rest = await trainer.run({ order, bounds: bounds.slice(1) });
    const losses = [...first, ...rest];
    const expected = get(`${preset}.loss`).data;
    expect(losses.length).toBe(20);
    for (const [i, loss] of losses.entries()) expect(Math.abs(loss / expected[i]! - 1), `step ${i}`).toBeLessThan(1e-5);
    for (const name of names) expect(worst(trainer.state[name]!, get(`${preset}.step20.${name}`)), name).toBeLessThan(1e-4);

    const params = Object.fromEntries(names.map((name) => [name, op.constant(trainer.state[name]!)]));
    const input = op.input("float32", ["batch", 64]);
    const { code } = forward(config, input, params);
    const session = await cpu.open(encodeModel(buildModel({ inputs: { input }, outputs: { z: code.z } })));
    const { z } = await session.run({ input: x });
    console.log(preset, "latents", worst(z!, get(`${preset}.latents`)), names.map((n) => worst(trainer.state[n]!, get(`${preset}.step20.${n}`))));
  });
});
