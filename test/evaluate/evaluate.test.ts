import { beforeAll, describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { type EvaluateOptions, type Evaluation, evaluate } from "../../src/evaluate/evaluate.ts";
import { readModel } from "../../src/export/files.node.ts";
import { freeze } from "../../src/export/freeze.ts";
import { importSae } from "../../src/formats/index.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { metricKeys } from "../../src/metrics/index.ts";
import { decodeModel, metadataOf, packModel, withMetadata } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { type HostTensor, sliceRows } from "../../src/util/tensor.ts";
import { sample } from "../checkpoint/sample.ts";
import { plainMetrics } from "../metrics/plain.ts";
import { cases, keptOf } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const x = dictionaryRows(130, 16, 4);
const data = { train: sliceRows(x, 0, 90), validation: sliceRows(x, 90, 130) };
const of = (model: Model, options: EvaluateOptions = {}, on = data) =>
  evaluate(cpu, model, on, { threads: 1, ...options });

/** What the autoencoder itself gives, and from that every metric by its definition. */
async function plainly(model: Model, activations: HostTensor<"float32">) {
  const session = await cpu.open(packModel(model), { threads: 1 });
  const { latents, reconstruction } = await session.run({ activations }).finally(() => session.release());
  return plainMetrics({
    x: activations,
    z: latents as HostTensor<"float32">,
    xHat: reconstruction as HostTensor<"float32">,
  });
}

/** Every key on the rows its metric is measured on. */
async function expected(model: Model): Promise<Record<string, number>> {
  const [validation, all] = [await plainly(model, data.validation), await plainly(model, x)];
  return Object.fromEntries(
    Object.entries(metricKeys).map(([key, { split }]) => [key, (split === "all" ? all : validation)[key]!]),
  );
}

function expectClose(actual: Evaluation["metrics"], expected: Readonly<Record<string, number | null>>) {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [key, value] of Object.entries(expected))
    expect(Math.abs(actual[key]! - value!), `${key} ${actual[key]} ${value}`).toBeLessThan(
      1e-6 * Math.max(1, Math.abs(value!)),
    );
}

test.each(["train", "validation"] as const)("NaN among the %s rows is refused by its row", async (part) => {
  const rows = { ...data[part], data: data[part].data.slice() };
  rows.data[5 * 16 + 1] = Number.NaN;
  const model = freeze(await sample(cases[0]!), "autoencoder");
  await expect(of(model, {}, { ...data, [part]: rows })).rejects.toThrow(
    `${part} rows: NaN at row 5, column 1; 1 of ${rows.dims[0]} rows affected; drop these rows`,
  );
});

describe.each(cases)("$name", (one) => {
  let checkpoint: Checkpoint;
  beforeAll(async () => {
    checkpoint = await sample(one);
  });

  test("every metric is its definition on the autoencoder's own outputs, each on its rows", async () => {
    const model = freeze(checkpoint, "autoencoder");
    const { metrics, splits, ...rest } = await of(model);
    expect(rest).toMatchObject({ inputDim: 16, latentDim: 32, k: keptOf(one.config()), metadata: metadataOf(model) });
    expectClose(metrics, await expected(model));
    expect(splits).toEqual(Object.fromEntries(Object.entries(metricKeys).map(([key, { split }]) => [key, split])));
    expect(metrics.num_active_features).toBeGreaterThanOrEqual(one.architecture === "topk" ? keptOf(one.config())! : 1);
  });

  test("the evaluator gives the same numbers as the autoencoder", async () => {
    const [a, b] = [await of(freeze(checkpoint, "autoencoder")), await of(freeze(checkpoint, "evaluator"))];
    expect({ ...b, metadata: {} }).toEqual({ ...a, metadata: {} });
  });

  test.each([1, 7, 40])("in batches of %d the same", async (batchSize) => {
    const model = freeze(checkpoint, "autoencoder");
    expectClose((await of(model, { batchSize })).metrics, (await of(model)).metrics);
  });
});

describe("splits", () => {
  test("without validation rows its metrics are null, those over all rows are not", async () => {
    const { metrics, splits } = await of(
      freeze(await sample(cases[0]!), "autoencoder"),
      {},
      { train: x, validation: sliceRows(x, 0, 0) },
    );
    for (const [key, value] of Object.entries(metrics)) expect(value === null, key).toBe(splits[key] === "validation");
  });

  test("without any rows all are null, and nothing is said of latents", async () => {
    const none = sliceRows(x, 0, 0);
    const { metrics, latents } = await of(
      freeze(await sample(cases[0]!), "autoencoder"),
      {},
      { train: none, validation: none },
    );
    expect(new Set(Object.values(metrics))).toEqual(new Set([null]));
    expect(latents).toEqual({});
  });

  test("train and validation rows count alike for what is measured on all", async () => {
    const model = freeze(await sample(cases[0]!), "autoencoder");
    const [a, b] = [await of(model), await of(model, {}, { train: data.validation, validation: data.train })];
    expect(b.metrics.num_dead_features).toBe(a.metrics.num_dead_features);
    expect(b.latents.frequency).toEqual(a.latents.frequency);
  });
});

describe("sessions", () => {
  /** The nodes of every session that an evaluation opens, and how many of them were closed again. */
  async function opened(model: Model, on = data) {
    const nodes: string[][] = [];
    let released = 0;
    const watched: Runtime = {
      provider: "cpu",
      async open(packed, options) {
        nodes.push(decodeModel(packed.bytes, "opened").graph!.node!.map(({ name }) => name!));
        const session = await cpu.open(packed, options);
        return { ...session, release: () => session.release().then(() => void released++) };
      },
    };
    await evaluate(watched, model, on, { threads: 1 });
    expect(released).toBe(nodes.length);
    return nodes;
  }

  test("training rows are encoded and not rebuilt", async () => {
    const [validation, training, ...more] = await opened(freeze(await sample(cases[0]!), "autoencoder"));
    const rebuilds = (name: string) => name.startsWith("decode/");
    expect(more).toEqual([]);
    expect(validation!.some(rebuilds)).toBe(true);
    expect(training!.some(rebuilds)).toBe(false);
  });

  test("none is opened for a part without rows", async () => {
    const model = freeze(await sample(cases[0]!), "autoencoder");
    expect(await opened(model, { train: sliceRows(x, 0, 0), validation: x })).toHaveLength(1);
    expect(await opened(model, { train: x, validation: sliceRows(x, 0, 0) })).toHaveLength(1);
  });
});

/** An autoencoder not made here: ReLU latents through the identity twice, no top_values, no metadata. */
function foreign(): Model {
  const activations = op.input("float32", ["n", 16]);
  const latents = op.concat([op.relu(activations), op.relu(op.neg(activations))], 1);
  const reconstruction = op.mul(op.sub(op.relu(activations), op.relu(op.neg(activations))), 0.75);
  return buildModel({ inputs: { activations }, outputs: { latents, reconstruction } });
}

describe("models not made here", () => {
  test("a foreign autoencoder is evaluated too", async () => {
    const { metrics, k, metadata } = await of(foreign());
    expect(k).toBeUndefined();
    expect(metadata).toEqual({});
    // xHat = 3/4 x: 1/16 of all squares is left.
    expect(metrics.explained_variance).toBeCloseTo(1 - 1 / 16, 6);
    expect(metrics.cosine_similarity).toBeCloseTo(1, 6);
    expect(metrics.l0_mean).toBe(16);
    expectClose(metrics, await expected(foreign()));
  });

  test("one of another opset is refused with the way out", async () => {
    const model = { ...foreign(), opsetImport: [{ domain: "", version: 12 }] };
    await expect(of(model, { file: "b.onnx" })).rejects.toThrow(/^b\.onnx: .*opsets.*; export it again with opset 17$/);
  });
});

describe("an evaluator of an earlier release", () => {
  const read = () => readModel("test/fixtures/evaluators/earlier.evaluator.onnx");
  const on = { train: dictionaryRows(90, 16, 4), validation: dictionaryRows(40, 16, 5) };

  test("is measured as the autoencoder it was made of, by today's metrics", async () => {
    const model = await read();
    expect(model.graph!.output!.map(({ name }) => name)).not.toContain("reconstruction");
    const { metrics } = await of(model, {}, on);
    const checkpoint = importSae(await readSource("test/fixtures/evaluators/relu"));
    expect(metrics).toEqual((await of(freeze(checkpoint, "autoencoder"), {}, on)).metrics);
  });

  test("whose values have no shapes is refused", async () => {
    const model = await read();
    const bare = { ...model, graph: { ...model.graph, valueInfo: [] } };
    await expect(of(bare, { file: "m.onnx" }, on)).rejects.toThrow(
      'm.onnx: an evaluator without a value "latents"; export the evaluator again',
    );
  });
});

test("a frozen model of a later version is refused by name", async () => {
  const model = freeze(await sample(cases[0]!), "autoencoder");
  const later = withMetadata(model, { ...metadataOf(model), version: "2" });
  await expect(of(later, { file: "later.onnx" })).rejects.toThrow(
    'later.onnx: a frozen model of version "2", this sae-onnx reads 1; use the release that wrote it',
  );
});

describe("refused", () => {
  const complaint = async (model: Model, on = data) => {
    const error = await of(model, { file: "m.onnx" }, on).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).not.toContain("\n");
    return (error as Error).message;
  };

  test("an encoder, naming the file to use", async () =>
    expect(await complaint(freeze(await sample(cases[0]!), "encoder"))).toBe(
      'm.onnx: not an autoencoder: it needs outputs "latents" and "reconstruction" [batch, 16], it has latents, top_values, top_indices; this is an encoder, use the .autoencoder.onnx beside it',
    ));

  test("a decoder, and a model that is something else", async () => {
    expect(await complaint(freeze(await sample(cases[0]!), "decoder"))).toContain(
      'm.onnx: no input "activations" [batch, inputDim] (it has latents)',
    );
    const image = op.input("float32", ["batch", 3, 8, 8]);
    expect(await complaint(buildModel({ inputs: { image }, outputs: { y: op.relu(image) } }))).toContain(
      "(it has image)",
    );
  });

  test("batches of no rows", async () => {
    const model = freeze(await sample(cases[0]!), "autoencoder");
    await expect(of(model, { batchSize: 0 })).rejects.toThrow("batchSize must be an integer of at least 1, got 0");
  });

  test("data of another width, in either part", async () => {
    const other = dictionaryRows(10, 12);
    const model = freeze(await sample(cases[0]!), "autoencoder");
    const message = "m.onnx: takes activations 16 wide, the data are 12 wide; is it the model of another layer?";
    expect(await complaint(model, { train: other, validation: other })).toBe(message);
    expect(await complaint(model, { ...data, train: other })).toBe(message);
  });
});
