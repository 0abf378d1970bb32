import { float32ToHalf } from "../../../src/data/half.ts";
import { buildModel } from "../../../src/graph/build.ts";
import { cond } from "../../../src/graph/control.ts";
import * as op from "../../../src/graph/ops.ts";
import { scope, type Value } from "../../../src/graph/value.ts";
import type { Attribute, Graph, Model, Node, TensorProto, ValueInfo } from "../../../src/onnx/proto.ts";
import { dataTypes, hostTensor, tensorProto, valueInfo } from "../../../src/onnx/tensors.ts";
import { random } from "../../../src/util/random.ts";
import { type HostTensor, int64s, tensor } from "../../../src/util/tensor.ts";

type V = Value<"float32">;

const rng = random(5, "transformer");
const normal = (dims: number[], scale = 1): HostTensor<"float32"> =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * rng.normal()),
  );

export const width = 16;
export const vocabulary = 11;
/** The residual stream behind the first of two layers. */
export const stream = "layer0/resid_post/Add_0";
export const feeds = { x: normal([2, 5, width]) };

const weights = Array.from({ length: 2 }, () =>
  Object.fromEntries(
    (
      [
        ["W_q", [width, width]],
        ["W_k", [width, width]],
        ["W_v", [width, width]],
        ["W_up", [width, 3 * width]],
        ["W_down", [3 * width, width]],
      ] as [string, number[]][]
    ).map(([name, dims]) => [name, normal(dims, 0.3)]),
  ),
);
const unembed = normal([width, vocabulary], 0.3);

const norm = (x: V) =>
  scope("norm", () => op.div(x, op.sqrt(op.add(op.reduceMean(op.mul(x, x), { axes: [2], keepDims: true }), 1e-5))));

function layer(x: V, i: number): V {
  return scope(`layer${i}`, () => {
    const W = (name: string) => op.constant(weights[i]![name]!, `layer${i}.${name}`) as V;
    const h = norm(x);
    const [q, k, v] = [op.matMul(h, W("W_q")), op.matMul(h, W("W_k")), op.matMul(h, W("W_v"))];
    const pattern = op.softmax(op.mul(op.matMul(q, op.transpose(k)), 1 / Math.sqrt(width)));
    const mid = scope("resid_mid", () => op.add(x, op.matMul(pattern, v)));
    const mlp = scope("mlp", () => op.matMul(op.relu(op.matMul(norm(mid), W("W_up"))), W("W_down")));
    return scope("resid_post", () => op.add(mid, mlp));
  });
}

/** Two layers, `x [batch, seq, 16]` to `logits` and a pooled row; with `bodies`, an If reads the stream from inside its branches. */
export function transformer({ bodies = false } = {}): Model {
  const x = op.input("float32", ["batch", "seq", width]);
  const first = layer(x, 0);
  const branch = (by: number) => () => ({ x: scope("branch", () => op.mul(first, by)) });
  const second = bodies ? cond(op.greater(op.reduceMean(x), 0), branch(2), branch(3)).x : first;
  const last = layer(second as V, 1);
  const logits = op.matMul(last, op.constant(unembed, "W_U") as V);
  return buildModel({ name: "lm", inputs: { x }, outputs: { logits, pooled: op.reduceMean(last, { axes: [1] }) } });
}

const eachTensor = (graph: Graph, change: (one: TensorProto) => TensorProto): Graph => ({
  ...graph,
  initializer: (graph.initializer ?? []).map(change),
});

/** The same model in float16, its bodies and functions too. */
export const inHalf = (model: Model): Model => ({ ...model, graph: halfGraph(model.graph!) });

function halfGraph(graph: Graph): Graph {
  const half = (info: ValueInfo): ValueInfo =>
    info.type?.tensorType?.elemType === dataTypes.float32
      ? { ...info, type: { tensorType: { ...info.type.tensorType, elemType: dataTypes.float16 } } }
      : info;
  const halfInfos = (infos: ValueInfo[] | null | undefined) => (infos ?? []).map(half);
  const inBody = (one: Attribute): Attribute => (one.g ? { ...one, g: halfGraph(one.g) } : one);
  return {
    ...eachTensor(graph, (one) => {
      if (one.dataType !== dataTypes.float32) return one;
      const { dims, data } = hostTensor(one) as HostTensor<"float32">;
      return tensorProto(one.name!, tensor("float16", dims, float32ToHalf(Float32Array.from(data))));
    }),
    node: (graph.node ?? []).map((one) => ({ ...one, attribute: (one.attribute ?? []).map(inBody) })),
    input: halfInfos(graph.input),
    output: halfInfos(graph.output),
    valueInfo: halfInfos(graph.valueInfo),
  };
}

/** The same model in another opset; the axes of ReduceMean are an input from 18 on. */
export function inOpset(model: Model, version: number): Model {
  const axes: TensorProto[] = [];
  const node = model.graph!.node!.map((one): Node => {
    const attribute = one.attribute?.find(({ name }) => name === "axes");
    if (version < 18 || one.opType !== "ReduceMean" || !attribute) return one;
    const name = `${one.name}.axes`;
    axes.push(tensorProto(name, int64s(attribute.ints!.map(Number))));
    return { ...one, input: [...one.input!, name], attribute: one.attribute!.filter((other) => other !== attribute) };
  });
  const graph = { ...model.graph, node, initializer: [...model.graph!.initializer!, ...axes] };
  return { ...model, graph, irVersion: version > 20 ? 10 : 8, opsetImport: [{ domain: "", version }] };
}

/**
 * What a fused export looks like: attention's output and the skip go into one SkipSimplifiedLayerNormalization, the residual sum is
 * its output 3 (`stream`; with `asked` false nobody asks for it), the projection is MatMulInteger on dynamically quantised rows.
 */
export function fused({ asked = true } = {}): Model {
  const initializer = [
    tensorProto("gamma", tensor("float32", [width], new Float32Array(width).fill(1.1))),
    tensorProto("W", normal([width, width], 0.3)),
    {
      name: "W_int8",
      dataType: 3,
      dims: [width, vocabulary],
      rawData: Uint8Array.from({ length: width * vocabulary }, () => rng.below(200)),
    },
    tensorProto("scale", tensor("float32", [], Float32Array.of(0.01))),
  ];
  const node: Node[] = [
    { opType: "MatMul", name: "attention", input: ["x", "W"], output: ["attended"] },
    {
      opType: "SkipSimplifiedLayerNormalization",
      domain: "com.microsoft",
      name: "skip_norm",
      input: ["x", "attended", "gamma"],
      output: asked ? ["normed", "", "", "residual"] : ["normed"],
      attribute: [{ name: "epsilon", type: 1, f: 1e-5 }],
    },
    { opType: "DynamicQuantizeLinear", input: ["normed"], output: ["q", "q_scale", "q_zero"] },
    { opType: "MatMulInteger", input: ["q", "W_int8", "q_zero"], output: ["product"] },
    { opType: "Cast", input: ["product"], output: ["product_float"], attribute: [{ name: "to", type: 2, i: 1 }] },
    { opType: "Mul", input: ["q_scale", "scale"], output: ["both_scales"] },
    { opType: "Mul", input: ["product_float", "both_scales"], output: ["projected"] },
    ...(asked
      ? [
          {
            opType: "ReduceMean",
            input: ["residual"],
            output: ["pooled"],
            attribute: [{ name: "axes", type: 7, ints: [1, 2] }],
          },
          { opType: "Add", input: ["projected", "pooled"], output: ["logits"] },
        ]
      : [{ opType: "Identity", input: ["projected"], output: ["logits"] }]),
  ];
  return {
    irVersion: 8,
    opsetImport: [
      { domain: "", version: 17 },
      { domain: "com.microsoft", version: 1 },
    ],
    graph: {
      name: "fused",
      node,
      initializer,
      input: [valueInfo("x", "float32", ["batch", "seq", width])],
      output: [valueInfo("logits", "float32", ["batch", "seq", vocabulary])],
    },
  };
}
