import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { configFromJson } from "../../src/config/json.ts";
import { freeze } from "../../src/export/freeze.ts";
import { buildModel, type ModelDraft } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { packModel } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { type Ort, openSession, type Runtime, type Tensors } from "../../src/runtime/session.ts";
import { architectureOf, decode, encode, parametersOf, statesOf } from "../../src/sae/spec.ts";
import { initialState } from "../../src/train/state.ts";
import { bytesOf, type HostTensor, zeros } from "../../src/util/tensor.ts";
import { sample } from "../checkpoint/sample.ts";
import { cases, keptOf } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";
import { worst } from "../train/torch.ts";

const runWith =
  (runtime: Runtime) =>
  async (model: Model, feeds: Tensors): Promise<Record<string, HostTensor>> => {
    const session = await runtime.open(packModel(model), { threads: 1 });
    return session.run(feeds).finally(() => session.release());
  };
const run = runWith(cpu);

/**
 * The CPU without pre-packing: it lays constant weights out in blocks before the first run, and Gemm then adds products
 * up in another order than with the same weights as inputs. Nothing else differs between a frozen and a training graph.
 */
const runUnpacked = runWith({
  ...cpu,
  open: (model) =>
    openSession(ort as unknown as Ort, model, {
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
      extra: { session: { disable_prepacking: "1", set_denormal_as_zero: "1" } },
    }),
});

/** The forward pass as a training graph holds it: parameters and state are inputs, not constants. */
function trainingForward({ config }: Checkpoint): ModelDraft {
  const activations = op.input("float32", ["batch", config.inputDim]);
  const params = Object.fromEntries(
    Object.entries({ ...parametersOf(config), ...statesOf(config) }).map(([name, { shape }]) => [
      name,
      op.input("float32", shape),
    ]),
  );
  const code = encode(config, activations, params, { state: params });
  const xHat = decode(config, code.z, params, undefined);
  const top = code.top ? { top_values: code.top.values, top_indices: code.top.indices } : {};
  return { inputs: { activations, ...params }, outputs: { latents: code.z, ...top, reconstruction: xHat } };
}

/** Batch, inputDim, latentDim. */
const shapes = [
  [24, 16, 32],
  [7, 33, 65],
  [90, 100, 37],
  [256, 512, 2048],
] as const;

/** The same names, types, shapes and bytes. */
function same(actual: Tensors, expected: Tensors) {
  const shape = (all: Tensors) => Object.entries(all).map(([name, { dtype, dims }]) => `${name} ${dtype} [${dims}]`);
  expect(shape(actual)).toEqual(shape(expected));
  for (const [name, one] of Object.entries(expected))
    expect(Buffer.compare(bytesOf(actual[name]!), bytesOf(one)), name).toBe(0);
}

const blank = { epochsDone: 3, loss: [], dataDigest: "", layer: null, position: null, metrics: {} };

describe.each(cases)("$name", (one) => {
  const kept = keptOf(one.config());
  describe.each(shapes)("%d rows x %d to %d latents", (batch, inputDim, latentDim) => {
    const config = one.config({ inputDim, latentDim }, 5);
    const activations = dictionaryRows(batch, inputDim);
    const checkpoint: Checkpoint = { ...blank, config, tensors: initialState(config, activations) };
    const trained = runUnpacked(buildModel(trainingForward(checkpoint)), { activations, ...checkpoint.tensors });

    test("without pre-packing every part is the training graph's forward pass, bit for bit", async () => {
      const { reconstruction, ...code } = await trained;
      same(await runUnpacked(freeze(checkpoint, "autoencoder"), { activations }), {
        ...code,
        reconstruction: reconstruction!,
      });
      same(await runUnpacked(freeze(checkpoint, "encoder"), { activations }), code);
      same(await runUnpacked(freeze(checkpoint, "decoder"), { latents: code.latents! }), {
        reconstruction: reconstruction!,
      });
    });

    test("with pre-packing the same latents are kept, their values and the reconstruction differ by rounding", async () => {
      const frozen = await run(freeze(checkpoint, "autoencoder"), { activations });
      const { top_indices, latents, reconstruction } = await trained;
      if (kept !== undefined) same({ top_indices: frozen.top_indices! }, { top_indices: top_indices! });
      expect(worst(frozen.latents, latents as HostTensor<"float32">)).toBeLessThan(1e-6);
      expect(worst(frozen.reconstruction, reconstruction as HostTensor<"float32">)).toBeLessThan(1e-6);
    });

    test("decoder after encoder is the autoencoder", async () => {
      const { latents } = await run(freeze(checkpoint, "encoder"), { activations });
      const [two, whole] = [
        await run(freeze(checkpoint, "decoder"), { latents: latents! }),
        await run(freeze(checkpoint, "autoencoder"), { activations }),
      ];
      same(two, { reconstruction: whole.reconstruction! });
    });
  });

  // Not none: ONNX Runtime's TopK divides by the number of rows and takes the process down.
  test("any batch runs: 1, 7", async () => {
    const checkpoint = await sample(one);
    for (const batch of [1, 7]) {
      const activations = dictionaryRows(batch, 16);
      const { latents, top_values, top_indices, reconstruction } = await run(freeze(checkpoint, "autoencoder"), {
        activations,
      });
      expect([latents!.dims, reconstruction!.dims]).toEqual([
        [batch, 32],
        [batch, 16],
      ]);
      if (kept === undefined) expect([top_values, top_indices]).toEqual([undefined, undefined]);
      else
        expect([top_values!.dims, top_indices!.dims, top_indices!.dtype]).toEqual([
          [batch, kept],
          [batch, kept],
          "int64",
        ]);
    }
  });

  // Others give no top_values.
  if (kept !== undefined)
    test("top_values are the latents at top_indices, and all of them", async () => {
      const { latents, top_values, top_indices } = await run(freeze(await sample(one), "encoder"), {
        activations: dictionaryRows(50, 16),
      });
      const rebuilt = zeros("float32", [50, 32]);
      for (const [i, at] of (top_indices!.data as BigInt64Array).entries())
        rebuilt.data[Math.floor(i / kept) * 32 + Number(at)] = top_values!.data[i] as number;
      expect(latents).toEqual(rebuilt);
    });

  test("the same checkpoint gives the same bytes", async () => {
    const [a, b] = [await sample(one), await sample(one)];
    for (const part of ["encoder", "autoencoder", "decoder", "evaluator"] as const)
      expect(packModel(freeze(b, part))).toEqual(packModel(freeze(a, part)));
  });

  test("says what it is, and nothing of when, where or by whom", async () => {
    const checkpoint = await sample(one);
    for (const part of ["encoder", "autoencoder", "decoder", "evaluator"] as const) {
      const { metadataProps, docString, producerName, producerVersion } = freeze(checkpoint, part);
      const metadata = Object.fromEntries(metadataProps!.map(({ key, value }) => [key, value]));
      const { config, sums, metrics, ...rest } = metadata;
      expect(rest).toEqual({
        ...{
          format: "sae-onnx",
          version: "1",
          part,
          target: "ort",
          dtype: "float32",
          architecture: one.architecture,
          preset: checkpoint.config.preset,
        },
        ...{ input_dim: "16", latent_dim: "32", layer: "3", position: "null", data_digest: "ab12" },
        ...(kept === undefined ? {} : { k: String(kept) }),
      });
      expect(configFromJson(JSON.parse(config!), "a")).toEqual(checkpoint.config);
      expect(JSON.parse(metrics!)).toEqual(checkpoint.metrics);
      expect(sums !== undefined).toBe(part === "evaluator");
      expect({ docString, producerName, producerVersion }).toEqual({ producerName: "sae-onnx" });
    }
  });

  test("the encoder holds no decoder weights it does not use", async () => {
    const names = freeze(await sample(one), "encoder").graph!.initializer!.map(({ name }) => name);
    const { config } = await sample(one);
    const plain = architectureOf(config).plain(config.options, config);
    // Matching pursuit encodes with its decoder.
    const uses = "pursues" in plain ? ["W_dec"] : ["W_enc", plain.bias ?? "b_enc"];
    expect(names).toEqual(expect.arrayContaining(uses));
    expect(names.filter((name) => name === "W_dec" && !uses.includes(name))).toEqual([]);
  });
});
