/** @file Small language models as exporters name them, and what they compute, written out. */
import { encodeModel } from "../../src/onnx/model.ts";
import { type Model, type Node, onnx } from "../../src/onnx/proto.ts";
import { tensorProto, valueInfo } from "../../src/onnx/tensors.ts";
import { fieldsOf, join, wrap } from "../../src/onnx/wire.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, int64s, tensor } from "../../src/util/tensor.ts";

export const width = 8;
export const vocabulary = 150;
export const blocks = 3;

const rng = random(3, "language models");
const normal = (dims: number[], scale: number): HostTensor<"float32"> =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * rng.normal()),
  );
const E = normal([vocabulary, width], 1);
const V = Array.from({ length: blocks }, () => normal([width, width], 0.4));
const W = Array.from({ length: blocks }, () => normal([width, width], 0.4));

/** What a node or value is called: its module, then itself. */
type Naming = (module: readonly string[], own: string) => { node: string; value: string; scopes?: readonly string[] };

let counter = 0;
/** Exporters, by how they name things. */
export const namings: Readonly<Record<"torchscript" | "dynamo", Naming>> = {
  torchscript: (module, own) => {
    const path = `/${["model", ...module].join("/")}/${own}`;
    return { node: path, value: `${path}_output_0` };
  },
  dynamo: (module, own) => {
    const name = `${own.toLowerCase()}_${counter++}`;
    const scopes = ["", ...module.map((_, i) => `model.${module.slice(0, i + 1).join(".")}`), name];
    return { node: `node_${name}`, value: name, scopes };
  },
};

/**
 * `input_ids`, `attention_mask` to `logits`: each block adds the mean over all tokens times V, then relu(h W). So filling that is not masked
 * would be seen. Without `mask` a block looks at its own token alone.
 */
export function languageModel(naming: Naming, { mask = true, more = [] as string[] } = {}): Uint8Array {
  counter = 0;
  const nodes: Node[] = [];
  const scopes: (readonly string[] | undefined)[] = [];
  const emit = (module: readonly string[], opType: string, input: string[], attribute: Node["attribute"] = []) => {
    const { node, value, scopes: own } = naming(module, opType);
    // TorchScript numbers the second of a name.
    const again = nodes.filter(({ name }) => name === node || name?.startsWith(`${node}_`)).length;
    const name = again ? `${node}_${again}` : node;
    const output = again ? value.replace(node, name) : value;
    nodes.push({ opType, name, input, output: [output], attribute });
    scopes.push(own);
    return output;
  };
  let x = emit(["embed_tokens"], "Gather", ["E", "input_ids"]);
  const keep = mask
    ? emit([], "Unsqueeze", [emit([], "Cast", ["attention_mask"], [{ name: "to", type: 2, i: 1 }]), "last"])
    : undefined;
  for (let block = 0; block < blocks; block++) {
    const at = ["layers", String(block)].join(".");
    const attention = [at, "self_attn"];
    let seen = x;
    if (keep) {
      const sum = emit(attention, "ReduceSum", [emit(attention, "Mul", [x, keep]), "first"]);
      seen = emit(attention, "Div", [sum, emit(attention, "ReduceSum", [keep, "first"])]);
    }
    const mid = emit([at], "Add", [x, emit(attention, "MatMul", [seen, `V${block}`])]);
    const mlp = emit([at, "mlp"], "Relu", [emit([at, "mlp"], "MatMul", [mid, `W${block}`])]);
    x = emit([at], "Add", [mid, mlp]);
  }
  nodes.push({ opType: "MatMul", name: "/lm_head/MatMul", input: [x, "U"], output: ["logits"] });
  scopes.push(["", "lm_head", "linear"]);
  const ids = (name: string) => valueInfo(name, "int64", ["batch", "seq"]);
  const model: Model = {
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "lm",
      node: nodes,
      initializer: [
        ...[tensorProto("E", E), tensorProto("U", normal([width, 5], 1))],
        ...V.map((one, i) => tensorProto(`V${i}`, one)),
        ...W.map((one, i) => tensorProto(`W${i}`, one)),
        ...[tensorProto("first", int64s([1])), tensorProto("last", int64s([-1]))],
      ],
      input: [ids("input_ids"), ...(mask ? [ids("attention_mask")] : []), ...more.map(ids)],
      output: [valueInfo("logits", "float32", ["batch", "seq", 5])],
    },
  };
  return withScopes(encodeModel(model), scopes);
}

/** The bytes of a model whose nodes say where they stand, as PyTorch's newer exporter writes it: field 9 of a node, of a later ONNX. */
function withScopes(bytes: Uint8Array, scopes: readonly (readonly string[] | undefined)[]): Uint8Array {
  let index = -1;
  const inNode = (content: Uint8Array): Uint8Array[] => {
    const names = scopes[++index];
    if (!names) return wrap(1, [content]);
    const value = `[${names.map((name) => `'${name}'`).join(", ")}]`;
    const entry = onnx.StringStringEntryProto.encode({ key: "pkg.torch.onnx.name_scopes", value }).finish();
    return wrap(1, [content, ...wrap(9, [entry])]);
  };
  return join(
    fieldsOf(bytes).flatMap((field) =>
      field.number === 7
        ? wrap(
            7,
            fieldsOf(field.content).flatMap((one) => (one.number === 1 ? inNode(one.content) : [one.bytes])),
          )
        : [field.bytes],
    ),
  );
}

/** The residual stream after each block at each token of a text, in float64. */
export function residuals(ids: readonly number[], { mask = true } = {}): number[][][] {
  const times = (row: readonly number[], { data }: HostTensor<"float32">) =>
    Array.from({ length: width }, (_, j) => row.reduce((sum, one, i) => sum + one * data[i * width + j]!, 0));
  let x = ids.map((id) => Array.from(E.data.subarray(id * width, (id + 1) * width)));
  return V.map((own, block) => {
    const mean = Array.from({ length: width }, (_, i) => x.reduce((sum, row) => sum + row[i]!, 0) / x.length);
    x = x.map((row) => {
      const seen = times(mask ? mean : row, own);
      const mid = row.map((one, i) => one + seen[i]!);
      const added = times(mid, W[block]!);
      return mid.map((one, i) => one + Math.max(0, added[i]!));
    });
    return x;
  });
}

/** The model with its words a million times as large. */
export function scaled(bytes: Uint8Array): Uint8Array {
  const model = onnx.ModelProto.decode(bytes);
  const words = model.graph!.initializer!.find(({ name }) => name === "E")!;
  words.rawData = new Uint8Array(Float32Array.from(E.data, (one) => 1e6 * one).buffer);
  return onnx.ModelProto.encode(model).finish();
}

/** The model with its last input read by the first block. */
export function withInputRead(bytes: Uint8Array): Uint8Array {
  const model = onnx.ModelProto.decode(bytes);
  const gather = model.graph!.node![0]!;
  const read = model.graph!.input!.at(-1)!.name!;
  model.graph!.node!.unshift({ opType: "Add", name: "", input: ["input_ids", read], output: ["both"] } as never);
  gather.input = ["E", "both"];
  return onnx.ModelProto.encode(model).finish();
}
