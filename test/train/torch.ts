import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type StepName, type TrainConfig, type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { readSafetensors, toFloat32, toTensor } from "../../src/data/safetensors.ts";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { statesOf } from "../../src/sae/spec.ts";
import { stateShapes, type TrainState } from "../../src/train/state.ts";
import { lossAndGradients } from "../../src/train/steps/dense.ts";
import type { AnyOptionValues } from "../../src/util/options.ts";
import { type HostTensor, sizeOf, tensor } from "../../src/util/tensor.ts";

/** One training that PyTorch did in float64: its tensors begin with `prefix`. See test/fixtures/README.md. */
export interface Witness {
  readonly file: string;
  readonly prefix: string;
  readonly config: TrainConfig;
}

const witness = (
  file: string,
  prefix: string,
  architecture: string,
  preset: string,
  options: AnyOptionValues,
  step: StepName = "dense",
  change: Partial<TrainRequest> = {},
): Witness => ({
  file: `test/fixtures/${file}.safetensors`,
  prefix,
  config: trainConfig({
    architecture,
    preset,
    options,
    inputDim: 64,
    latentDim: 128,
    ...change,
    batchSize: 32,
    epochs: 2,
    step,
  }),
});

const k8 = { k: 8 };
const wide = { lambda: 0.3, bandwidth: 0.4, firstThreshold: 0.2 };
const asGiven = { inputScale: "none" } as const;
const auxK = { auxK: 16, auxCoefficient: 1 / 32, deadSteps: 3 };

export const witnesses = {
  report: witness("torch-topk-reference", "report", "topk", "report", k8),
  "report, live rows": witness("torch-topk-reference", "report", "topk", "report", k8, "live"),
  original: witness("torch-topk-reference", "original", "topk", "original", k8),
  "original, live rows": witness("torch-topk-reference", "original", "topk", "original", k8, "live"),
  "topk-relu": witness("torch-topk-relu-reference", "plain", "topk-relu", "gao2024", k8),
  "topk-relu, live rows": witness("torch-topk-relu-reference", "plain", "topk-relu", "gao2024", k8, "live"),
  "topk-relu with auxK": witness("torch-topk-relu-reference", "aux", "topk-relu", "gao2024", k8, "dense", auxK),
  "topk-relu with auxK, live rows": witness(
    "torch-topk-relu-reference",
    "aux",
    "topk-relu",
    "gao2024",
    k8,
    "live",
    auxK,
  ),
  "topk with auxK": witness("torch-auxk-reference", "topk", "topk", "report", k8, "dense", auxK),
  "topk with auxK, live rows": witness("torch-auxk-reference", "topk", "topk", "report", k8, "live", auxK),
  "topk-relu with auxK, other weights": witness(
    "torch-auxk-reference",
    "topk-relu",
    "topk-relu",
    "gao2024",
    k8,
    "dense",
    auxK,
  ),
  "topk-relu with auxK, other weights, live rows": witness(
    "torch-auxk-reference",
    "topk-relu",
    "topk-relu",
    "gao2024",
    k8,
    "live",
    auxK,
  ),
  "batchtopk with auxK": witness("torch-auxk-reference", "batchtopk", "batchtopk", "bussmann2024", k8, "dense", auxK),
  "relu-l1": witness("torch-relu-l1-reference", "bricken", "relu-l1", "bricken2023", { lambda: 0.3 }),
  "relu-l1, weighed": witness("torch-relu-l1-reference", "weighed", "relu-l1", "anthropic-april-2024", { lambda: 0.3 }),
  batchtopk: witness("torch-batchtopk-reference", "plain", "batchtopk", "bussmann2024", k8),
  "jumprelu, step": witness(
    "torch-jumprelu-reference",
    "step",
    "jumprelu",
    "rajamanoharan2024",
    wide,
    "dense",
    asGiven,
  ),
  "jumprelu, quadratic": witness(
    ...(["torch-jumprelu-reference", "quadratic", "jumprelu", "rajamanoharan2024-target"] as const),
    ...([{ ...wide, targetL0: 9 }, "dense", asGiven] as const),
  ),
  "jumprelu, tanh": witness(
    "torch-jumprelu-reference",
    "tanh",
    "jumprelu",
    "anthropic-january-2025",
    wide,
    "dense",
    asGiven,
  ),
  gated: witness("torch-gated-reference", "plain", "gated", "rajamanoharan2024-gated", { lambda: 0.3 }),
  "p-anneal": witness(
    ...(["torch-p-anneal-reference", "plain", "p-anneal", "karvonen2024"] as const),
    ...([{ lambda: 0.3, pEnd: 0.3, annealFrom: 0.25 }, "dense", { totalSteps: 20 }] as const),
  ),
  groupmax: witness("torch-groupmax-reference", "plain", "groupmax", "sparsify", k8),
  matryoshka: witness("torch-matryoshka-reference", "plain", "matryoshka", "bussmann2025", { ...k8, nested: "16:48" }),
  "matching-pursuit": witness("torch-matching-pursuit-reference", "plain", "matching-pursuit", "costa2025", { k: 6 }),
  "skip transcoder": witness(
    ...(["torch-skip-transcoder-reference", "plain", "topk-relu", "gao2024", k8] as const),
    ...(["dense", { outputDim: 40, skip: true }] as const),
  ),
  "skip transcoder, live rows": witness(
    ...(["torch-skip-transcoder-reference", "plain", "topk-relu", "gao2024", k8] as const),
    ...(["live", { outputDim: 40, skip: true }] as const),
  ),
  "topk transcoder": witness("torch-transcoder-reference", "topk", "topk", "original", k8, "dense", { outputDim: 40 }),
  "topk transcoder, live rows": witness("torch-transcoder-reference", "topk", "topk", "original", k8, "live", {
    outputDim: 40,
  }),
} as const;

/** The tensors of a file by name; `metadata` beside them. */
export function reader({ file, prefix }: Witness) {
  const { metadata, tensors } = readSafetensors(new Uint8Array(readFileSync(file)), file);
  const float = (name: string): HostTensor<"float32"> => toFloat32(tensors.get(name)!);
  return {
    x: float("x"),
    /** A transcoder's. */
    targets: tensors.has("targets") ? float("targets") : undefined,
    order: toTensor(tensors.get("order")!).data as BigInt64Array,
    /** A tensor of this case as float32. */
    get: (name: string) => float(`${prefix}.${name}`),
    /** A tensor of this case as it is stored. */
    exact: (name: string) => toTensor(tensors.get(`${prefix}.${name}`)!).data as Float64Array | BigInt64Array,
    has: (name: string) => tensors.has(`${prefix}.${name}`),
    meta: (name: string) => JSON.parse(metadata[`${prefix}.${name}`]!),
  };
}

export const rows = 300;

/** Two epochs of 300 rows at 32: ten batches each, the last of 12 rows. */
export const bounds = Array.from({ length: 20 }, (_, i) => {
  const start = Math.floor(i / 10) * rows + (i % 10) * 32;
  return { from: start, to: Math.min(start + 32, (Math.floor(i / 10) + 1) * rows) };
});

/** State whose weights are the file's under `tag`, what an architecture carries as it starts, all else zero (or, for `steps_since_fired`, the file's). */
export function stateAt(witness: Witness, tag: string): TrainState {
  const { get, exact, has } = reader(witness);
  const shapes = Object.entries(stateShapes(witness.config));
  const states = statesOf(witness.config);
  return Object.fromEntries(
    shapes.map(([name, shape]) => {
      if (!has(`${tag}.${name}`))
        return [name, tensor("float32", shape, new Float32Array(sizeOf(shape)).fill(states[name]?.start ?? 0))];
      if (name === "steps_since_fired")
        return [name, tensor("float32", shape, Float32Array.from(exact(`${tag}.${name}`), Number))];
      return [name, get(`${tag}.${name}`)];
    }),
  );
}

/** Loss and gradients of one batch, by parameter, from the graph training uses. */
export async function gradientsOf(
  config: TrainConfig,
  batch: HostTensor<"float32">,
  state: TrainState,
  targets: HostTensor<"float32"> = batch,
) {
  const x = op.input("float32", batch.dims);
  const target = targets === batch ? x : op.input("float32", targets.dims);
  const all = Object.fromEntries(
    Object.entries(stateShapes(config)).map(([name, shape]) => [name, op.input("float32", shape)]),
  );
  const { loss, gradient } = lossAndGradients(config, { x, target }, all);
  const inputs = {
    batch: x,
    ...(target === x ? {} : { targets: target }),
    ...all,
  };
  const outputs = Object.fromEntries(Object.entries(gradient).map(([name, value]) => [`d_${name}`, value]));
  const session = await cpu.open(packModel(buildModel({ inputs, outputs: { loss, ...outputs } })), { threads: 1 });
  const { loss: value, ...found } = await session
    .run({ batch, ...(target === x ? {} : { targets }), ...state })
    .finally(() => session.release());
  return {
    loss: Number(value!.data[0]),
    gradient: Object.fromEntries(
      Object.entries(found).map(([name, one]) => [name.slice(2), one as HostTensor<"float32">]),
    ),
  };
}

/** Largest difference, relative to the reference's largest entry. */
export function worst(actual: HostTensor | undefined, expected: HostTensor<"float32">): number {
  expect(actual?.dims).toEqual(expected.dims);
  const scale = expected.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return expected.data.reduce((most, v, i) => Math.max(most, Math.abs(v - Number(actual!.data[i]))), 0) / scale;
}
