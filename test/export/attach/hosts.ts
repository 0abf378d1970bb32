import type { Attribute, Graph, Model, Node, TensorProto } from "../../../src/onnx/proto.ts";
import { dataTypes, tensorProto, valueInfo } from "../../../src/onnx/tensors.ts";
import type { Tensors } from "../../../src/runtime/session.ts";
import { random } from "../../../src/util/random.ts";
import { int64s, tensor } from "../../../src/util/tensor.ts";
import { width } from "./transformer.ts";

/** A model written by hand, as exporters and quantisers leave it, and an activation in it. */
export interface Host {
  readonly model: Model;
  /** The activation, as `--tensor` names it. */
  readonly tensor: string;
  readonly given: Tensors;
}

const rng = random(11, "hosts");
const normal = (dims: number[], scale = 1) =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * rng.normal()),
  );
const bytes = (length: number, below = 256) => Uint8Array.from({ length }, () => rng.below(below));
const raw = (name: string, dataType: number, dims: number[], rawData: Uint8Array): TensorProto => ({
  ...{ name, dataType, dims, rawData },
});
const float = (name: string, dims: number[], scale = 0.3) => tensorProto(name, normal(dims, scale));
const scalar = (name: string, value: number) => tensorProto(name, tensor("float32", [], Float32Array.of(value)));
const [uint8, int8, bfloat16] = [2, 3, 16];

const int = (name: string, i: number): Attribute => ({ name, type: 2, i });
const ints = (name: string, ...values: number[]): Attribute => ({ name, type: 7, ints: values });
const real = (name: string, f: number): Attribute => ({ name, type: 1, f });
const body = (name: string, g: Graph): Attribute => ({ name, type: 5, g });

/** `out1, out2 = Op(in1, in2)`; an op of `com.microsoft` as `ms.Op`; a missing input or output is `-`. */
export function node(text: string, ...attribute: Attribute[]): Node {
  const [, outputs, domain, opType, inputs] = /^(.*?) = (\w+\.)?(\w+)\((.*)\)$/.exec(text)!;
  const list = (names: string) =>
    names
      .split(",")
      .map((one) => one.trim().replace(/^-$/, ""))
      .filter((one, i, all) => one !== "" || i < all.length - 1);
  return {
    opType: opType!,
    ...(domain ? { domain: domain === "ms." ? "com.microsoft" : domain.slice(0, -1) } : {}),
    name: `${list(outputs!)[0]}:node`,
    ...{ input: list(inputs!), output: list(outputs!), attribute },
  };
}

interface Parts {
  readonly nodes: readonly Node[];
  readonly weights?: readonly TensorProto[];
  readonly inputs?: Graph["input"];
  readonly outputs?: Graph["output"];
  readonly values?: Graph["valueInfo"];
  readonly opset?: number;
  readonly more?: Partial<Model>;
}

const rows = (name: string, dim: number = width) => valueInfo(name, "float32", ["batch", "seq", dim]);

export function host({ nodes, weights = [], inputs = [rows("x")], outputs = [rows("y")], ...rest }: Parts): Model {
  return {
    irVersion: 8,
    opsetImport: [
      { domain: "", version: rest.opset ?? 17 },
      { domain: "com.microsoft", version: 1 },
    ],
    graph: {
      ...{ name: "host", node: [...nodes], initializer: [...weights], input: inputs, output: outputs },
      valueInfo: [...(rest.values ?? [])],
    },
    ...rest.more,
  };
}

const x = { x: normal([2, 5, width]) };
const ids = {
  ids: tensor(
    "int32",
    [2, 5],
    Int32Array.from({ length: 10 }, () => rng.below(7)),
  ),
};
const [W_mixed, bias, words, places] = [
  float("W", [width, width]),
  float("bias", [width]),
  float("words", [7, width]),
  float("places", [5, width]),
];
const gamma = tensorProto("gamma", tensor("float32", [width], new Float32Array(width).fill(1.1)));
const beta = float("beta", [width]);

/** Everything behind the activation `v`: a product that reads it, and a sum that does. */
const tail = (from = "v"): Node[] => [node(`product = MatMul(${from}, W_out)`), node(`y = Add(product, ${from})`)];
const W_out = float("W_out", [width, width]);

const skipNorm = (asked: boolean): Parts => ({
  nodes: [
    node("branch = MatMul(x, W)"),
    node(
      `normed${asked ? ", -, -, v" : ""} = ms.SkipLayerNormalization(x, branch, gamma, beta, bias)`,
      real("epsilon", 1e-5),
    ),
    ...(asked ? [node("both = Add(normed, v)")] : [node("both = Identity(normed)")]),
    ...tail("both"),
  ],
  weights: [W_mixed, gamma, beta, bias, W_out],
  values: [...(asked ? [rows("v")] : []), rows("normed")],
});

const embedNorm = (asked: boolean): Parts => ({
  nodes: [
    node(
      `normed, mask_index${asked ? ", v" : ""} = ms.EmbedLayerNormalization(ids, -, words, places, -, gamma, beta)`,
      real("epsilon", 1e-5),
    ),
    ...(asked ? [node("both = Add(normed, v)")] : [node("both = Identity(normed)")]),
    ...tail("both"),
  ],
  weights: [words, places, gamma, beta, W_out],
  inputs: [valueInfo("ids", "int32", ["batch", "seq"])],
  values: [...(asked ? [rows("v")] : []), rows("normed")],
});

/** 4-bit rows of `width` columns in blocks of 16, as MatMulNBits takes them. */
const nBits = [int("K", width), int("N", width), int("bits", 4), int("block_size", 16)];

const quantised = {
  "DequantizeLinear weights": host({
    nodes: [
      node("W_float = DequantizeLinear(W, scale, zero)"),
      node("moved = MatMul(x, W_float)"),
      node("v = Add(moved, x)"),
      ...tail(),
    ],
    weights: [
      raw("W", uint8, [width, width], bytes(width * width)),
      scalar("scale", 0.01),
      raw("zero", uint8, [], Uint8Array.of(128)),
      W_out,
    ],
    values: [rows("v")],
  }),
  "QLinearMatMul between quantised values": host({
    nodes: [
      node("x_q = QuantizeLinear(x, x_scale, zero)"),
      node("v_q = QLinearMatMul(x_q, x_scale, zero, W, W_scale, zero, v_scale, zero)"),
      node("v = DequantizeLinear(v_q, v_scale, zero)"),
      ...tail(),
    ],
    weights: [
      scalar("x_scale", 0.03),
      scalar("W_scale", 0.01),
      scalar("v_scale", 0.04),
      raw("zero", uint8, [], Uint8Array.of(128)),
      raw("W", uint8, [width, width], bytes(width * width)),
      W_out,
    ],
    values: [rows("v")],
  }),
  "a product between QuantizeLinear and DequantizeLinear": host({
    nodes: [
      node("x_q = QuantizeLinear(x, x_scale, zero)"),
      node("x_d = DequantizeLinear(x_q, x_scale, zero)"),
      node("W_d = DequantizeLinear(W, W_scale, zero)"),
      node("v = MatMul(x_d, W_d)"),
      node("v_q = QuantizeLinear(v, v_scale, zero)"),
      node("y = DequantizeLinear(v_q, v_scale, zero)"),
    ],
    weights: [
      scalar("x_scale", 0.03),
      scalar("W_scale", 0.01),
      scalar("v_scale", 0.04),
      raw("zero", uint8, [], Uint8Array.of(128)),
      raw("W", uint8, [width, width], bytes(width * width)),
    ],
    values: [rows("v")],
  }),
  MatMulNBits: host({
    nodes: [node("moved = ms.MatMulNBits(x, W, scales)", ...nBits), node("v = Add(moved, x)"), ...tail()],
    weights: [
      raw("W", uint8, [width, 1, 8], bytes(width * 8)),
      tensorProto("scales", tensor("float32", [width], new Float32Array(width).fill(0.05))),
      W_out,
    ],
    values: [rows("v")],
  }),
  DynamicQuantizeMatMul: host({
    nodes: [node("moved = ms.DynamicQuantizeMatMul(x, W, scale, zero)"), node("v = Add(moved, x)"), ...tail()],
    weights: [
      raw("W", int8, [width, width], bytes(width * width)),
      scalar("scale", 0.01),
      raw("zero", int8, [], Uint8Array.of(3)),
      W_out,
    ],
    values: [rows("v")],
  }),
} satisfies Record<string, Model>;

/** bfloat16 in the middle of a float32 model: no CPU kernel computes in it, casts do. */
const inBfloat16 = host({
  nodes: [
    node("doubled = Add(x, x)"),
    node("v = Cast(doubled)", int("to", bfloat16)),
    node("back = Cast(v)", int("to", dataTypes.float32)),
    ...tail("back"),
  ],
  weights: [W_out],
  values: [
    {
      ...rows("v"),
      type: { tensorType: { ...rows("v").type!.tensorType, elemType: bfloat16 } },
    },
  ],
});

const doubles = (name: string) => valueInfo(name, "float64", ["batch", "seq", width]);
const third = tensorProto("third", tensor("float64", [], Float64Array.of(1 / 3)));

/** float64 whose digits float32 has not. */
const inDouble = host({
  nodes: [node("wide = Cast(x)", int("to", dataTypes.float64)), node("v = Mul(wide, third)"), node("y = Tanh(v)")],
  weights: [third],
  values: [doubles("v")],
  outputs: [doubles("y")],
});

/** Names that a careless splice would use, inside of bodies and functions, where they are of no graph above. */
const taken = ["sae/rows", "sae_latents", "sae2/shape"] as const;

const flag = (name: string) => valueInfo(name, "bool", []);
const count = (name: string) => valueInfo(name, "int64", []);

/** Three rounds that add the captured stream to what is carried. */
const loop = host({
  nodes: [
    node("v = MatMul(x, W)"),
    node(
      "y = Loop(rounds, -, x)",
      body("body", {
        name: "rounds",
        input: [count("round"), flag("go"), rows("carried")],
        node: [
          node(`${taken[0]} = Mul(v, carried)`),
          node(`${taken[1]} = Tanh(${taken[0]})`),
          node(`${taken[2]} = Add(${taken[1]}, v)`),
          node("go_on = Identity(go)"),
        ],
        output: [flag("go_on"), rows(taken[2])],
      }),
    ),
  ],
  weights: [float("W", [width, width]), tensorProto("rounds", tensor("int64", [], BigInt64Array.of(3n)))],
  values: [rows("v")],
});

/** A Scan over the batch whose body reads the stream of the graph above. */
const scan = host({
  nodes: [
    node("v = MatMul(x, W)"),
    node("start = ReduceSum(x, axis_0)", int("keepdims", 0)),
    node(
      "final, y = Scan(start, x)",
      body("body", {
        name: "steps",
        input: [valueInfo("carried", "float32", ["seq", width]), valueInfo("sae/float32", "float32", ["seq", width])],
        node: [
          node("pooled = ReduceMean(v)", ints("axes", 0), int("keepdims", 0)),
          node(`${taken[0]} = Add(sae/float32, carried)`),
          node(`${taken[1]} = Add(${taken[0]}, pooled)`),
          node(`${taken[2]} = Tanh(${taken[1]})`),
        ],
        output: [valueInfo(taken[2], "float32", ["seq", width]), valueInfo(taken[1], "float32", ["seq", width])],
      }),
      int("num_scan_inputs", 1),
    ),
  ],
  weights: [float("W", [width, width]), tensorProto("axis_0", int64s([0]))],
  values: [rows("v")],
});

/** An If in an If; the inner one captures the stream through the outer. */
const branches = host({
  nodes: [
    node("v = MatMul(x, W)"),
    node("mean = ReduceMean(x)", int("keepdims", 0)),
    node("positive = Greater(mean, zero)"),
    node("y = If(positive)", ...nested(2)),
  ],
  weights: [float("W", [width, width]), scalar("zero", 0), scalar("two", 2), scalar("three", 3)],
  values: [rows("v")],
});

function nested(depth: number): Attribute[] {
  return (["then_branch", "else_branch"] as const).map((name, side) => {
    const out = side === 0 ? `sae/rows_${depth}` : `sae_latents_${depth}`;
    const inner =
      depth === 1
        ? node(`${out} = Mul(v, ${side === 0 ? "two" : "three"})`)
        : node(`${out} = If(positive)`, ...nested(depth - 1));
    return body(name, { name: `${name}_${depth}`, node: [inner], output: [rows(out)] });
  });
}

/** A function of the model's own, called twice; the values in it have the new values' names. */
const functions = host({
  nodes: [node("v = own.Twice(x)"), node("again = own.Twice(v)"), ...tail("again")],
  weights: [W_out],
  values: [rows("v")],
  more: {
    opsetImport: [
      { domain: "", version: 17 },
      { domain: "own", version: 1 },
    ],
    functions: [
      {
        ...{ name: "Twice", domain: "own", input: ["sae/float32"], output: ["sae/rows"] },
        node: [node("sae_latents = Tanh(sae/float32)"), node("sae/rows = Add(sae_latents, sae/float32)")],
        opsetImport: [{ domain: "", version: 17 }],
      },
    ],
  },
});

const simple = (parts: Partial<Parts> = {}): Model =>
  host({ nodes: [node("v = MatMul(x, W)"), ...tail()], weights: [float("W", [width, width]), W_out], ...parts });

/** Every host whose activation is there. */
export const hosts: Readonly<Record<string, Host>> = {
  "the sum of SkipLayerNormalization": { model: host(skipNorm(true)), tensor: "v", given: x },
  "SkipLayerNormalization's own output": { model: host(skipNorm(true)), tensor: "normed", given: x },
  "the sum of EmbedLayerNormalization": { model: host(embedNorm(true)), tensor: "v", given: ids },
  "EmbedLayerNormalization's own output": { model: host(embedNorm(false)), tensor: "normed", given: ids },
  float64: { model: inDouble, tensor: "v", given: x },
  bfloat16: { model: inBfloat16, tensor: "v", given: x },
  ...Object.fromEntries(Object.entries(quantised).map(([name, model]) => [name, { model, tensor: "v", given: x }])),
  "a Loop whose body reads it": { model: loop, tensor: "v", given: x },
  "the result of a Loop": { model: loop, tensor: "y", given: x },
  "a Scan whose body reads it": { model: scan, tensor: "v", given: x },
  "an If in an If that reads it": { model: branches, tensor: "v", given: x },
  "the result of a function of the model's own": { model: functions, tensor: "v", given: x },
  "an output of the model": { model: simple({ outputs: [rows("y"), rows("v")] }), tensor: "v", given: x },
  "an output that nothing else reads": { model: simple(), tensor: "y", given: x },
};

/** Hosts whose activation is an optional output that the node does not give yet, and the same with it. */
export const absent: Readonly<Record<string, { readonly without: Host; readonly with: Host }>> = {
  SkipLayerNormalization: pair(skipNorm, "normed:node:3", x),
  EmbedLayerNormalization: pair(embedNorm, "normed:node:2", ids),
};

function pair(parts: (asked: boolean) => Parts, name: string, given: Tensors) {
  return {
    without: { model: host(parts(false)), tensor: name, given },
    with: { model: host(parts(true)), tensor: "v", given },
  };
}
