/** @file What holds for the loss and the latents of every architecture. */
import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import type { TrainConfig } from "../../src/config/config.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { freeze } from "../../src/export/freeze.ts";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { meanOfRows } from "../../src/sae/init.ts";
import { encode, parametersOf } from "../../src/sae/spec.ts";
import { initialState, stateShapes, type TrainState } from "../../src/train/state.ts";
import { train } from "../../src/train/train.ts";
import { type HostTensor, sizeOf, sliceRows, tensor, zeros } from "../../src/util/tensor.ts";
import { cases, oneForm } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";
import { gradientsOf, worst } from "./torch.ts";

const x = dictionaryRows(48, 16);

/** Every row twice. */
const doubled = ({ dims: [rows, width], data }: HostTensor<"float32">) =>
  tensor("float32", [2 * rows!, width!], Float32Array.from([...data, ...data]));

/** A checkpoint with these tensors. */
const checkpointOf = (config: TrainConfig, tensors: TrainState): Checkpoint => ({
  ...{ config, tensors, epochsDone: config.epochs, loss: [] },
  ...{ dataDigest: "", layer: null, position: null, metrics: {} },
});

/** The latents of a batch in a training step, or of the frozen SAE. */
async function latentsOf(config: TrainConfig, state: TrainState, mode: "train" | "inference") {
  const activations = op.input("float32", ["batch", 16]);
  const inputs = Object.fromEntries(
    Object.entries(stateShapes(config)).map(([name, shape]) => [name, op.input("float32", shape)]),
  );
  const { z } = encode(config, activations, inputs, { mode, state: inputs });
  const session = await cpu.open(packModel(buildModel({ inputs: { activations, ...inputs }, outputs: { z } })), {
    threads: 1,
  });
  const { z: found } = await session.run({ activations: x, ...state }).finally(() => session.release());
  return found as HostTensor<"float32">;
}

/** Non-zero entries of each row. */
const counts = ({ dims: [rows, width], data }: HostTensor<"float32">) =>
  Array.from(
    { length: rows! },
    (_, row) => data.subarray(row * width!, (row + 1) * width!).filter((z) => z !== 0).length,
  );

describe.each(cases)("$name", ({ config: configOf }) => {
  // What inputs are scaled by is another matter.
  const config = configOf({ inputScale: "none" });
  const state = initialState(config, x);

  test("loss and gradients are means: a batch of every row twice has the same", async () => {
    const [once, twice] = [await gradientsOf(config, x, state), await gradientsOf(config, doubled(x), state)];
    expect(once.loss).toBeGreaterThan(0);
    expect(Math.abs(twice.loss / once.loss - 1)).toBeLessThan(1e-6);
    for (const [name, gradient] of Object.entries(once.gradient))
      if (gradient.data.some((v) => v !== 0)) expect(worst(twice.gradient[name], gradient), name).toBeLessThan(1e-5);
  });

  test("k is kept to: in every row at most k latents, on average too where a batch shares them", async () => {
    const { k } = config.options;
    if (k === undefined) return;
    const rows = counts(await latentsOf(config, state, "train"));
    const mean = rows.reduce((sum, count) => sum + count, 0) / rows.length;
    expect(mean).toBeGreaterThan(0.5 * Number(k));
    expect(mean).toBeLessThanOrEqual(Number(k));
    if (!/^(batchtopk|matryoshka)$/.test(config.architecture)) expect(Math.max(...rows)).toBeLessThanOrEqual(Number(k));
  });

  const sameForms = oneForm(config.architecture);
  // A batch shares its k: what is frozen goes by a threshold.
  if (!/^(batchtopk|matryoshka)$/.test(config.architecture))
    test(`a row has the same latents in training and frozen, ${sameForms ? "bit for bit" : "to rounding"}`, async () => {
      const { state: later } = await train(cpu, configOf({ inputScale: "none", epochs: 10 }), x, { threads: 1 });
      const [inside, frozen] = [await latentsOf(config, later, "train"), await latentsOf(config, later, "inference")];
      expect(counts(inside).some((count) => count > 0)).toBe(true);
      if (sameForms) expect(frozen).toEqual(inside);
      expect(counts(frozen)).toEqual(counts(inside));
      const largest = Math.max(...inside.data);
      for (const [i, value] of frozen.data.entries())
        expect(Math.abs(value - inside.data[i]!) / largest).toBeLessThan(1e-6);
    });

  if (parametersOf(config).b_dec)
    test("one that only predicts the mean row has a centred variance of 0", async () => {
      const nothing = Object.fromEntries(
        Object.entries(state).map(([name, { dims }]) => [name, zeros("float32", dims)]),
      ) as TrainState;
      const mean = tensor("float32", [16], Float32Array.from(meanOfRows(x.data, 16)));
      // A threshold of 0 for a latent of 0 or more keeps nothing that is 0.
      const model = freeze(checkpointOf(config, { ...nothing, b_dec: mean }), "autoencoder");
      const { metrics } = await evaluate(cpu, model, { train: sliceRows(x, 0, 0), validation: x }, { threads: 1 });
      expect(Math.abs(metrics.explained_variance_centered!)).toBeLessThan(1e-5);
      expect(metrics.reconstruction_loss).toBeGreaterThan(0);
    });

  test("a skip connection is in every reconstruction that the loss compares", async () => {
    if (config.architecture === "matching-pursuit" || config.options.penalty === "quadratic") return;
    const skip = configOf({ inputScale: "none", outputDim: 16, skip: true });
    const nothing = Object.entries(stateShapes(skip)).map(
      ([name, shape]) =>
        [
          name,
          tensor("float32", shape, new Float32Array(sizeOf(shape)).fill(/^(p|penalty_factor)$/.test(name) ? 1 : 0)),
        ] as const,
    );
    const twice = tensor(
      "float32",
      [16, 16],
      Float32Array.from({ length: 256 }, (_, i) => (i % 17 === 0 ? 2 : 0)),
    );
    const targets = tensor(
      "float32",
      x.dims,
      x.data.map((v) => 2 * v),
    );
    const { loss } = await gradientsOf(skip, x, { ...Object.fromEntries(nothing), W_skip: twice }, targets);
    expect(loss).toBe(0);
  });
});
