import { describe, expect, test } from "vitest";
import { float32ToHalf } from "../../../src/data/half.ts";
import { attach } from "../../../src/export/attach/attach.ts";
import { freeze } from "../../../src/export/freeze.ts";
import { decodeModel, encodeModel, packModel } from "../../../src/onnx/model.ts";
import type { Model, Node } from "../../../src/onnx/proto.ts";
import { dataTypes, valueInfo } from "../../../src/onnx/tensors.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import type { Tensors } from "../../../src/runtime/session.ts";
import { wasm } from "../../../src/runtime/web.ts";
import { bytesOf, tensor, zeros } from "../../../src/util/tensor.ts";
import { host, node } from "./hosts.ts";
import { asRows, attached, autoencoder, checkpoint, encoder, exposing, latentDim, run, runBytes } from "./running.ts";
import { feeds, fused, inHalf, inOpset, stream, transformer, width } from "./transformer.ts";

const halves = { x: tensor("float16", feeds.x.dims, float32ToHalf(feeds.x.data)) };

/** The model with the value's rank, type and all other declarations of inner values taken away, as many exporters leave it. */
const undeclared = (model: Model): Model => ({ ...model, graph: { ...model.graph, valueInfo: [] } });

interface Form {
  readonly model: Model;
  readonly tensor: string;
  readonly given?: Tensors;
  readonly width?: number;
}

const absent = fused({ asked: false });
/** The same model with the sum asked for, as somebody who writes ONNX by hand would do it. */
const asked: Model = {
  ...absent,
  graph: {
    ...absent.graph,
    node: absent.graph!.node!.map((one) =>
      one.name === "skip_norm" ? { ...one, output: ["normed", "", "", "skip_norm:3"] } : one,
    ),
  },
};

/** As models were before 2019: every weight is an input too. */
function ofIr3(model: Model): Model {
  const { input, initializer } = model.graph!;
  const weights = initializer!.map(({ name, dataType, dims }) => ({
    name: name!,
    type: { tensorType: { elemType: dataType!, shape: { dim: dims!.map((one) => ({ dimValue: Number(one) })) } } },
  }));
  return { ...model, irVersion: 3, graph: { ...model.graph, input: [...input!, ...weights] } };
}

const forms: Readonly<Record<string, Form>> = {
  "opset 17": { model: transformer(), tensor: stream },
  "opset 13": { model: inOpset(transformer(), 13), tensor: stream },
  "opset 11 declared, 11's ops": { model: inOpset(transformer(), 11), tensor: stream },
  "opset 21": { model: inOpset(transformer(), 21), tensor: stream },
  "opset 23": { model: inOpset(transformer(), 23), tensor: stream },
  "opset 24": { model: inOpset(transformer(), 24), tensor: stream },
  "opset 26": { model: inOpset(transformer(), 26), tensor: stream },
  "opset 10, whose ops are 11's": { model: inOpset(transformer(), 10), tensor: stream },
  "opset 9 and IR 3, weights among the inputs": { model: ofIr3(inOpset(transformer(), 9)), tensor: stream },
  float16: { model: inHalf(transformer()), tensor: stream, given: halves },
  "an If that reads the stream inside": { model: transformer({ bodies: true }), tensor: stream },
  "an input of the model": { model: transformer(), tensor: "x" },
  "no shapes declared": { model: undeclared(transformer()), tensor: stream },
  "float16, no shapes declared": { model: undeclared(inHalf(transformer())), tensor: stream, width, given: halves },
  "contrib and quantised ops, the residual an output of a fused node": { model: fused(), tensor: "residual", width },
  "by node and output": { model: fused(), tensor: "skip_norm:3", width },
};

/** The transformer with one more node, in itself or in the body of a node. */
const withNode = (one: Node): Model => {
  const model = transformer();
  return { ...model, graph: { ...model.graph, node: [...model.graph!.node!, one] } };
};
const clip: Node = { opType: "Clip", name: "clip", input: [stream], output: ["clipped"] };
const clipped = withNode(clip);
const withBody = withNode({
  ...{ opType: "If", name: "if", input: ["cond"], output: ["either"] },
  attribute: [{ name: "then_branch", type: 5, g: { node: [clip], output: [valueInfo("clipped", "float32", [])] } }],
});

test("an old model is written at opset 11 and nothing else of it changes", () => {
  const model = inOpset(transformer(), 10);
  const { bytes } = attached(
    { ...model, opsetImport: [...model.opsetImport!, { domain: "other", version: 3 }] },
    { tensor: stream },
  );
  const { opsetImport, irVersion } = decodeModel(bytes, "a");
  expect(opsetImport!.map(({ domain, version }) => [domain ?? "", Number(version)])).toEqual([
    ["other", 3],
    ["", 11],
  ]);
  expect(irVersion).toEqual(decodeModel(encodeModel(model), "b").irVersion);
});

describe.each([cpu, wasm])("on $provider", (runtime) => {
  test.each(Object.entries(forms))("%s: outputs stay bit for bit, latents are the encoder's", async (_, form) => {
    const { model, tensor: at, given = feeds } = form;
    const value = at.includes(":") ? "residual" : at;
    const result = attached(model, { tensor: at, ...(form.width ? { width: form.width } : {}) });
    expect(result.outputs).toEqual(["sae_latents", "sae_top_values", "sae_top_indices"]);
    const actual = await runBytes(runtime, result.bytes, given);
    const plain = await run(runtime, model, given);
    for (const [name, one] of Object.entries(plain))
      expect(Buffer.compare(bytesOf(actual[name]!), bytesOf(one)), name).toBe(0);
    const { exposed } = await run(runtime, exposing(model, value), given);
    const expected = await run(runtime, encoder, { activations: asRows(exposed!) });
    for (const [name, one] of Object.entries(expected)) {
      const { dims, data } = actual[`sae_${name}`]!;
      expect(dims).toEqual([2, 5, one.dims[1]]);
      expect(data, name).toEqual(one.data);
    }
  });

  test("the residual sum that a fused node does not give yet is asked of it", async () => {
    const { bytes } = attached(absent, { tensor: "skip_norm:3" });
    const actual = await runBytes(runtime, bytes, feeds);
    const plain = await run(runtime, absent, feeds);
    expect(actual.logits).toEqual(plain.logits);
    const { exposed } = await run(runtime, exposing(asked, "skip_norm:3"), feeds);
    const { latents } = await run(runtime, encoder, { activations: asRows(exposed!) });
    expect(actual.sae_latents!.data).toEqual(latents!.data);
  });
});

describe("in the activation's place", () => {
  /** The model from the stream on, by hand: the stream is computed, changed on the host, and fed back as an input. */
  const fromStream = (model: Model): Model => ({
    ...model,
    graph: {
      ...model.graph,
      node: model.graph!.node!.filter(({ output }) => !output!.includes(stream)),
      input: [...model.graph!.input!, valueInfo(stream, "float32", ["batch", "seq", width])],
      valueInfo: model.graph!.valueInfo!.filter(({ name }) => name !== stream),
    },
  });

  test.each([false, true])(
    "--reconstruct: everything behind it reads the reconstruction (bodies: %s)",
    async (bodies) => {
      const model = transformer({ bodies });
      const actual = await runBytes(
        cpu,
        attached(model, { tensor: stream, reconstruct: true }, autoencoder).bytes,
        feeds,
      );
      const before = await run(cpu, exposing(model, stream), feeds);
      const { reconstruction, latents } = await run(cpu, autoencoder, { activations: asRows(before.exposed!) });
      const expected = await run(cpu, fromStream(model), {
        ...feeds,
        [stream]: tensor("float32", [2, 5, width], reconstruction!.data as Float32Array<ArrayBuffer>),
      });
      expect(actual.logits).toEqual(expected.logits);
      expect(actual.logits).not.toEqual(before.logits);
      expect(actual.sae_latents!.data).toEqual(latents!.data);
    },
  );

  test("--reconstruct on float16, also where no type is declared", async () => {
    const model = inHalf(transformer());
    const whole = await runBytes(
      cpu,
      attached(model, { tensor: stream, reconstruct: true }, autoencoder).bytes,
      halves,
    );
    const bare = attached(undeclared(model), { tensor: stream, reconstruct: true, width }, autoencoder);
    expect((await runBytes(cpu, bare.bytes, halves)).logits).toEqual(whole.logits);
    const plain = await run(cpu, model, halves);
    expect(whole.logits!.dtype).toBe("float16");
    expect(whole.logits).not.toEqual(plain.logits);
  });

  test("--steer adds that much of each decoder row; zeros change nothing", async () => {
    const model = transformer();
    const { bytes, inputs } = attached(model, { tensor: stream, steer: true }, autoencoder);
    expect(inputs).toEqual(["sae_steer"]);
    const plain = await run(cpu, exposing(model, stream), feeds);
    const none = await runBytes(cpu, bytes, { ...feeds, sae_steer: zeros("float32", [latentDim]) });
    expect(none.logits).toEqual(plain.logits);
    const steer = zeros("float32", [latentDim]);
    steer.data[3] = 2;
    steer.data[7] = -0.5;
    const W = checkpoint.tensors.W_dec!.data;
    const moved = Float32Array.from(plain.exposed!.data as Float32Array, (value, i) =>
      Math.fround(value + (2 * W[3 * width + (i % width)]! - 0.5 * W[7 * width + (i % width)]!)),
    );
    const expected = await run(cpu, fromStream(model), { ...feeds, [stream]: tensor("float32", [2, 5, width], moved) });
    const actual = await runBytes(cpu, bytes, { ...feeds, sae_steer: steer });
    const logits = expected.logits!.data as Float32Array;
    const worst = Math.max(...(actual.logits!.data as Float32Array).map((one, i) => Math.abs(one - logits[i]!)));
    expect(worst).toBeLessThan(1e-5);
    expect(actual.logits).not.toEqual(plain.logits);
  });
});

test("several encoders one after the other; outputs as asked for", async () => {
  const model = transformer();
  const first = attached(model, { tensor: stream, outputs: ["top_values", "top_indices"] });
  const second = attach({ bytes: first.bytes, file: "lm.onnx" }, { model: encoder, file: "sae.onnx" }, { tensor: "x" });
  expect(second.outputs[0]).toBe("sae2_latents");
  const results = await runBytes(cpu, second.bytes, feeds);
  expect(Object.keys(results)).toEqual([
    ...["logits", "pooled", "sae_top_values", "sae_top_indices"],
    ...["sae2_latents", "sae2_top_values", "sae2_top_indices"],
  ]);
  const named = attached(model, { tensor: stream, prefix: "features", outputs: ["latents"] });
  expect(named.outputs).toEqual(["features_latents"]);
});

test("activations in two dims need no reshaping", async () => {
  const { bytes } = attach(
    { bytes: packModel(autoencoder).bytes, file: "rows.onnx" },
    { model: encoder, file: "sae.onnx" },
    { tensor: "reconstruction" },
  );
  const ops = decodeModel(bytes, "").graph!.node!.map(({ opType }) => opType);
  expect(ops).not.toContain("Reshape");
  const activations = asRows(feeds.x);
  const actual = await runBytes(cpu, bytes, { activations });
  const { reconstruction } = await run(cpu, autoencoder, { activations });
  const { latents } = await run(cpu, encoder, { activations: reconstruction! });
  expect(actual.sae_latents).toEqual(latents);
});

describe("is refused", () => {
  const half = inHalf(transformer());
  const wide: Model = {
    ...encoder,
    metadataProps: encoder.metadataProps!.map((one) => (one.key === "input_dim" ? { ...one, value: "17" } : one)),
  };
  const narrow = freeze({ ...checkpoint }, "decoder");
  test.each<[string, () => unknown, RegExp]>([
    [
      "a name that is not there",
      () => attached(transformer(), { tensor: "layer0/resid_post" }),
      /lm\.onnx: has no value "layer0\/resid_post"; nearest of width 16: layer0\/resid_post\/Add_0 float32 \[batch, seq, 16\]/,
    ],
    [
      "another width",
      () => attached(transformer(), { tensor: "logits" }),
      /logits float32 \[batch, seq, 11\] has another width than the encoder's 16; nearest of width 16: /,
    ],
    ["a weight", () => attached(transformer(), { tensor: "W_U" }), /"W_U" is a weight/],
    ["a value of a body", () => attached(transformer({ bodies: true }), { tensor: "branch/Mul_0" }), /inside the body/],
    [
      "no declared width",
      () => attached(host({ nodes: [node("v = own.Op(x)")] }), { tensor: "v" }),
      /does not declare how wide "v" is; if it is 16, add --width 16/,
    ],
    [
      "a wrong --width",
      () => attached(undeclared(half), { tensor: stream, width: 8 }),
      /--width 8: the encoder takes activations 16 wide/,
    ],
    [
      "an integer value",
      () => attached(decodeModel(attached(transformer(), { tensor: stream }).bytes, ""), { tensor: "sae_top_indices" }),
      /is no float activation \(int64\)/,
    ],
    [
      "a model that is not ours",
      () => attached(transformer(), { tensor: stream }, transformer()),
      /sae\.onnx: is not one of sae-onnx's models/,
    ],
    ["another part", () => attached(transformer(), { tensor: stream }, narrow), /sae\.onnx: is the part "decoder"/],
    [
      "metadata that contradict the tensors",
      () => attached(transformer(), { tensor: stream }, wide),
      /metadata say input_dim "17", its activations are 16 wide/,
    ],
    [
      "reconstruct without a decoder",
      () => attached(transformer(), { tensor: stream, reconstruct: true }),
      /needs the decoder; give the \.autoencoder\.onnx/,
    ],
    [
      "reconstruct of an input",
      () => attached(transformer(), { tensor: "x", reconstruct: true }, autoencoder),
      /is an input of the model/,
    ],
    [
      "reconstruct of what nobody reads",
      () => attached(absent, { tensor: "skip_norm:3", reconstruct: true }, autoencoder),
      /nothing reads "skip_norm:3"/,
    ],
    [
      "a prefix that is taken",
      () => attached(transformer(), { tensor: stream, prefix: "layer0" }),
      /has a value "layer0\/.*"; give another --prefix than layer0/,
    ],
    [
      "an unknown output",
      () => attached(transformer(), { tensor: stream, outputs: ["reconstruction"] }),
      /--outputs: sae\.onnx has latents, top_values, top_indices/,
    ],
    [
      "an opset too old",
      () => attached(inOpset(transformer(), 6), { tensor: stream }),
      /lm\.onnx: is of opset 6, an encoder needs 11 or later, and opset 6 is older than opset 7; convert the model, in Python: onnx\.version_converter\.convert_version\(model, 17\)$/,
    ],
    [
      "an old opset's op that is another since",
      () => attached(inOpset(clipped, 10), { tensor: stream }),
      /is of opset 10, .* and Clip of opset 10 is written otherwise since opset 11; convert .*convert_version\(model, 17\)$/,
    ],
    [
      "such an op in the body of an If",
      () => attached(inOpset(withBody, 10), { tensor: stream }),
      /Clip of opset 10 is written otherwise since opset 11/,
    ],
    [
      "an opset that nobody knows yet",
      () => attached(inOpset(transformer(), 99), { tensor: stream }),
      /opsets 17 and 99 cannot be reconciled, only 11 to 26 can; convert .*convert_version\(model, 17\)$/,
    ],
    ["an IR of the first years", () => attached({ ...transformer(), irVersion: 2 }, { tensor: stream }), /IR 2/],
  ])("%s", (_, act, message) => {
    expect(act).toThrow(message);
  });
});

test("float16 is what the model computes in", () => {
  expect(inHalf(transformer()).graph!.input![0]!.type!.tensorType!.elemType).toBe(dataTypes.float16);
});
