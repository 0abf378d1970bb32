import { describe, expect, test } from "vitest";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { type TrainConfig, type TrainRequest, timedFor } from "../../src/config/config.ts";
import { replay } from "../../src/evaluate/verify/replay.ts";
import { freeze } from "../../src/export/freeze.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { architectureOf, parametersOf } from "../../src/sae/spec.ts";
import { finishedTensors } from "../../src/train/finished.ts";
import { scaledRows, scalingOf } from "../../src/train/scaling.ts";
import { initialState, type TrainState } from "../../src/train/state.ts";
import { type TrainProgress, train } from "../../src/train/train.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { vectorsFor } from "../export/vectors.ts";
import { cases, expressible } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const [rows, inputDim, outputDim] = [100, 16, 20];
const x = dictionaryRows(rows, inputDim);

/** tanh(x M) + 0.3 x, folded to `outputDim`: partly linear in x. */
const targets = (() => {
  const rng = random(8, "targets");
  const M = Array.from({ length: inputDim * outputDim }, () => rng.normal());
  const data = new Float32Array(rows * outputDim);
  for (let i = 0; i < data.length; i++) {
    const [row, column] = [Math.floor(i / outputDim), i % outputDim];
    let sum = 0;
    for (let j = 0; j < inputDim; j++) sum += x.data[row * inputDim + j]! * M[j * outputDim + column]!;
    data[i] = Math.tanh(sum) + 0.3 * sum + 0.5;
  }
  return tensor("float32", [rows, outputDim], data);
})();
const both = { activations: x, targets };

/** Those that can be transcoders. */
const able = cases.filter(({ config }) => {
  const { refuses } = architectureOf(config());
  return refuses?.(config().options, { inputDim, latentDim: 32, outputDim }) === undefined;
});
const kinds = able.flatMap((one) =>
  [false, true].map((skip) => ({ ...one, skip, kind: skip ? "skip transcoder" : "transcoder" })),
);

const checkpointOf = (config: TrainConfig, tensors: TrainState): Checkpoint => ({
  ...{ config, tensors, epochsDone: config.epochs, loss: [] },
  ...{ dataDigest: "", layer: null, position: null, metrics: {} },
});

async function run(config: TrainConfig, tensors: TrainState, activations: HostTensor<"float32">) {
  const session = await cpu.open(packModel(freeze(checkpointOf(config, tensors), "autoencoder")), { threads: 1 });
  return session.run({ activations }).finally(() => session.release());
}

test("all but matching pursuit can be transcoders", () => {
  const without = cases.filter((one) => !able.includes(one)).map(({ architecture }) => architecture);
  expect([...new Set(without)]).toEqual(["matching-pursuit"]);
});

describe.each(kinds)("$name as $kind", (one) => {
  const config = (change: Partial<TrainRequest> = {}) => one.config({ outputDim, skip: one.skip, ...change });

  test("its frozen parts give their verification vectors, for every target that can", async () => {
    const { state } = await train(cpu, config(), both, { threads: 1 });
    const checkpoint = checkpointOf(config(), finishedTensors(timedFor(config(), rows), state));
    for (const target of ["ort", "portable"] as const)
      for (const part of ["autoencoder", "evaluator"] as const) {
        if (!expressible(one, target)) continue;
        const came = await replay(cpu, freeze(checkpoint, part, { target }), vectorsFor(checkpoint, part, { target }));
        expect(came, `${target} ${part}`).toMatchObject({ state: "compared", differences: { ok: true } });
      }
    if (one.skip) expect(() => freeze(checkpoint, "decoder")).toThrow(/part decoder: .* take the autoencoder$/);
  });

  test("stopped, saved, read and resumed: the same bytes", async () => {
    const whole = await train(cpu, config(), both, { threads: 1 });
    const onRun = async ({ epochsDone }: TrainProgress) => epochsDone < 1;
    const { state, ...rest } = await train(cpu, config(), both, { threads: 1, epochsPerRun: 1, onRun });
    const bytes = writeCheckpoint({ ...checkpointOf(config(), state), ...rest });
    const read = readCheckpoint(bytes, "stopped.safetensors");
    const from = { state: read.tensors as TrainState, epochsDone: read.epochsDone, loss: read.loss };
    expect(await train(cpu, read.config, both, { threads: 1, from })).toEqual(whole);
  });

  const hasBias = parametersOf(config({})).b_dec !== undefined;
  if (hasBias)
    test("inputs scaled and centred: undone in the finished weights, and done again from them", async () => {
      const scaled = config({ inputScale: "rows", centre: true, learningRate: 1e-2 });
      const { state } = await train(cpu, scaled, both, { threads: 1 });
      const finished = finishedTensors(scaled, state);
      const scaling = scalingOf(scaled, both);
      const own = Object.fromEntries(Object.keys(finished).map((name) => [name, state[name]!]));
      const inside = await run(config({ inputScale: "none" }), own, scaledRows(x, scaling, "input"));
      const outside = await run(scaled, finished, x);
      const [mean, scale] = [scaling.target_mean!.data, scaling.target_scale!.data[0]!];
      for (const [i, value] of (inside.reconstruction!.data as Float32Array).entries())
        expect(Math.abs(Number(outside.reconstruction!.data[i]) - (value / scale + mean[i % outputDim]!))).toBeLessThan(
          2e-5 / scale,
        );
      expect((inside.latents!.data as Float32Array).filter((z) => z !== 0).length).toBeGreaterThan(rows);
      const again = initialState({ ...scaled, initFrom: "0".repeat(64) }, both, finished);
      for (const name of Object.keys(finished))
        for (const [i, value] of again[name]!.data.entries())
          expect(Math.abs(value - state[name]!.data[i]!), name).toBeLessThan(1e-4);
    });

  if (one.skip)
    test("what is linear is left to W_skip: the loss is below that without", async () => {
      const long = { epochs: 15, learningRate: 1e-2 };
      const [without, loss] = await Promise.all(
        [false, true].map(
          async (skip) => (await train(cpu, config({ ...long, skip }), both, { threads: 1 })).loss.at(-1)!,
        ),
      );
      expect(loss!).toBeLessThan(0.9 * without!);
    });
});

test("skip without targets is refused, by name", () => {
  for (const { config } of cases) expect(() => config({ skip: true })).toThrow("skip is for a transcoder");
});
