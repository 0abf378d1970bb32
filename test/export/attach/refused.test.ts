import protobuf from "protobufjs/minimal.js";
import { describe, expect, test } from "vitest";
import { attach } from "../../../src/export/attach/attach.ts";
import { decodeModel, encodeModel } from "../../../src/onnx/model.ts";
import type { Model, TensorProto } from "../../../src/onnx/proto.ts";
import { tensorProto, valueInfo } from "../../../src/onnx/tensors.ts";
import { fieldsOf, join, sizeOfAll, wrap } from "../../../src/onnx/wire.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import { tensor } from "../../../src/util/tensor.ts";
import { complaint } from "../../data/helpers.ts";
import { absent, host, hosts, node } from "./hosts.ts";
import { attached, autoencoder, encoder, latentDim, runBytes } from "./running.ts";
import { width } from "./transformer.ts";

/** The model with nothing declared of its inner values. */
const undeclared = (model: Model): Model => ({ ...model, graph: { ...model.graph, valueInfo: [] } });
const qlinear = hosts["QLinearMatMul between quantised values"]!.model;
const { without: skip } = absent.SkipLayerNormalization!;

const sae = { model: encoder, file: "sae.onnx" };

const rows = valueInfo("x", "float32", ["batch", "seq", width]);
const withMoments = host({
  nodes: [node("y, mean, deviation = LayerNormalization(x, gamma)")],
  weights: [tensorProto("gamma", tensor("float32", [width], new Float32Array(width).fill(1)))],
});
const passing = host({
  nodes: [
    node("codes, scale, zero = DynamicQuantizeLinear(x)"),
    node("turned = Transpose(codes)"),
    node("part = Slice(turned, from, to)"),
    node("whole = Cast(x)", { name: "to", type: 2, i: 6 }),
    node("y = Abs(x)"),
  ],
});
const weight: TensorProto = tensorProto("W", tensor("float32", [1, 1, width], new Float32Array(width)));
const withDefault = host({
  nodes: [node("y = Add(x, W)")],
  weights: [weight],
  inputs: [rows, valueInfo("W", "float32", [1, 1, width])],
});
const ofSequences = host({
  nodes: [node("list = SequenceConstruct(x)"), node("y = SequenceAt(list, zero)")],
  weights: [tensorProto("zero", tensor("int64", [], BigInt64Array.of(0n)))],
  values: [{ name: "list", type: { sequenceType: { elemType: rows.type! } } }],
});
const overridden = (domain: string) =>
  host({
    nodes: [node("v = Add(x, x)"), node("y = Relu(v)")],
    values: [{ ...rows, name: "v" }],
    more: {
      functions: [
        {
          ...{ name: "Abs", domain, input: ["a"], output: ["b"], node: [node("b = Neg(a)")] },
          opsetImport: [{ domain: "", version: 17 }],
        },
      ],
    },
  });

describe("an activation that is none is refused by what it is", () => {
  test.each<[string, Model, string, string]>([
    [
      "codes of a quantised product, declared by nobody",
      undeclared(qlinear),
      "v_q",
      '"v_q" is no float activation (whole numbers that mean nothing without their scale, from QLinearMatMul); ',
    ],
    ["codes, transposed and sliced", passing, "part", "is no float activation (whole numbers that mean nothing"],
    ["the scale of codes", passing, "scale", "is no float activation (a scale, from DynamicQuantizeLinear)"],
    ["a cast to integers", passing, "whole", "is no float activation (int32)"],
    ["a mean that LayerNormalization gives", withMoments, "mean", "(a statistic of each row, from LayerNormalization)"],
    ["one of its outputs by number", withMoments, "y:node:2", "(a statistic of each row, from LayerNormalization)"],
    [
      "a statistic of SkipLayerNormalization that is not there",
      skip.model,
      "normed:node:1",
      'node "normed:node" (SkipLayerNormalization) gives no output 1; it can be asked for output 3, the sum; it gives 0: normed',
    ],
    [
      "an output that an op has not",
      withMoments,
      "y:node:3",
      "(LayerNormalization) gives no output 3; it gives 0: y, 1",
    ],
    ["a weight", withDefault, "W", '"W" is a weight, not an activation; nearest of width 16: x float32'],
    ["a list of tensors", ofSequences, "list", '"list" is no float activation (no tensor); '],
  ])("%s", (_, model, name, message) => {
    expect(complaint(() => attached(model, { tensor: name, width }))).toContain(message);
  });
});

test("a function of the model's own that stands for an op the encoder needs is refused; in its own domain it is not", () => {
  for (const domain of ["", "ai.onnx"])
    expect(complaint(() => attached(overridden(domain), { tensor: "v" }))).toBe(
      "lm.onnx: has a function of its own called Abs, an op the encoder needs; rename the function, or give it another domain",
    );
  expect(attached(overridden("own"), { tensor: "v" }).outputs).toHaveLength(3);
});

test.each(Object.keys(absent))("the sum that %s does not give yet has no readers to change", (name) => {
  const { model, tensor: at } = absent[name]!.without;
  for (const change of ["reconstruct", "steer"])
    expect(complaint(() => attached(model, { tensor: at, [change]: true }, autoencoder))).toContain(
      `nothing reads "${at}", so --reconstruct and --steer would change nothing`,
    );
});

test("an output named twice", () => {
  const { model } = hosts.MatMulNBits!;
  expect(complaint(() => attached(model, { tensor: "v", outputs: ["latents", "latents"] }))).toBe(
    "--outputs: names latents twice; once is enough",
  );
});

test("a model that has no room left for the encoder: 2 GB fit a message, not a byte more", () => {
  const small = host({ nodes: [node("v = Add(x, x)"), node("y = Tanh(v)")], values: [{ ...rows, name: "v" }] });
  const fields = fieldsOf(encodeModel(small));
  const others = join(fields.flatMap(({ number, bytes }) => (number === 7 ? [] : [bytes])));
  const graph = fields.find(({ number }) => number === 7)!.content;
  /** What stands before the elements of its only weight, `count` numbers of 8 bits; the graph comes last. */
  const head = (count: number) => {
    const shape = protobuf.Writer.create().uint32(8).uint32(count).uint32(16).uint32(3).finish();
    const weight = [shape, ...wrap(8, [new TextEncoder().encode("W")]), tag(9, count)];
    const initializer = [tag(5, sizeOfAll(weight) + count), ...weight];
    return join([others, tag(7, graph.length + sizeOfAll(initializer) + count), graph, ...initializer]);
  };
  const bytes = new Uint8Array(2 ** 31 - 1);
  const count = bytes.length - head(bytes.length).length;
  bytes.set(head(count));
  expect(decodeModel(bytes, "").graph!.initializer![0]!.rawData).toHaveLength(count);
  expect(complaint(() => attach({ bytes, file: "lm.onnx" }, sae, { tensor: "v" }))).toMatch(
    /^lm\.onnx: with what is added it has 21474\d{5} bytes, more than 2 GB fit no ONNX message; save its weights as external data$/,
  );
});

/** The tag and length before `length` bytes of a field. */
const tag = (number: number, length: number) =>
  protobuf.Writer.create()
    .uint32((number << 3) | 2)
    .uint32(length)
    .finish();

test("a file filled up with zeros is no model", () => {
  const whole = encodeModel(host({ nodes: [node("v = Add(x, x)"), node("y = Tanh(v)")] }));
  const bytes = join([whole, new Uint8Array(1000)]);
  expect(complaint(() => attach({ bytes, file: "lm.onnx" }, sae, { tensor: "v" }))).toBe(
    `lm.onnx: not an ONNX model (a field numbered 0 at byte ${whole.length}); is the file complete and a .onnx file?`,
  );
});

describe("widths are what the weights make them", () => {
  const W = tensorProto("W", tensor("float32", [width, width], new Float32Array(width ** 2)));
  const wide = tensorProto("wide", tensor("float32", [width, 2 * width], new Float32Array(2 * width ** 2)));
  const declared = (weights: TensorProto, said?: number): Model =>
    host({
      nodes: [node(`v = MatMul(x, ${weights.name})`), node("y = Relu(v)")],
      weights: [weights],
      values: said === undefined ? [] : [valueInfo("v", "float32", ["batch", "seq", said])],
    });

  test.each([
    ["--width against the weights", declared(wide), width, "v (shape not declared) is 32 wide by the weights"],
    [
      "a declaration against them",
      declared(wide, width),
      undefined,
      "v float32 [batch, seq, 16] is 32 wide by the weights",
    ],
    ["both against them", declared(wide, width), width, "v float32 [batch, seq, 16] is 32 wide by the weights"],
  ])("%s is refused", (_, model, given, message) => {
    const said = complaint(() => attached(model, { tensor: "v", width: given }));
    expect(said).toContain(message);
    expect(said).toContain(`the encoder takes ${width}; `);
  });

  test("a stale declaration is refused with the way out, and with --width the model runs", async () => {
    const model = declared(W, 2 * width);
    expect(complaint(() => attached(model, { tensor: "v" }))).toBe(
      "lm.onnx: v float32 [batch, seq, 32] is 16 wide by the weights it is made of; if they are right, add --width 16",
    );
    const x = tensor("float32", [2, 5, width], new Float32Array(10 * width).fill(1));
    const { sae_latents } = await runBytes(cpu, attached(model, { tensor: "v", width }).bytes, { x });
    expect(sae_latents!.dims).toEqual([2, 5, latentDim]);
  });
});
