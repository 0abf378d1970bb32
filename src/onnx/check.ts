import { ConfigError } from "../util/errors.ts";
import { hasKernel, type KernelProvider, kernels } from "./kernels.ts";
import { type Graph, type Model, type Node, type TensorProto, toNumber } from "./proto.ts";
import { dataTypeName, hostTensor } from "./tensors.ts";

/** A node that a provider would leave to another one, or compute wrongly. */
export interface Misfit {
  readonly provider: KernelProvider;
  /** Its scoped name, such as `encode/TopK_0`. */
  readonly node: string;
  readonly op: string;
  /** The element type it computes with: `float32`, of Cast `float32 to int64`. */
  readonly type: string;
  /** What is missing, and what to do. */
  readonly why: string;
}

/** The opset the table of kernels is of. */
const tableOpset = 17;

const shortNames: Readonly<Record<string, string>> = {
  float32: "f32",
  float64: "f64",
  float16: "f16",
  int32: "i32",
  int64: "i64",
  bool: "bool",
};
const comparisons = new Set(["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Not", "And", "Or"]);

/** Types by value name, and the values that are constants of the file; a body sees those of the graphs around it. */
interface Scope {
  readonly types: Map<string, string>;
  readonly constants: Map<string, TensorProto>;
}

/**
 * The nodes of a model, those in bodies of Loop, Scan and If included, that a provider has no kernel for or computes wrongly;
 * empty when all of the graph runs there. Static: nothing is run.
 * @throws {ConfigError} when the model is not of opset 17, which is what the table is of.
 */
export function checkModel(model: Model, provider: KernelProvider, file = "the model"): Misfit[] {
  const opset = toNumber(model.opsetImport?.find(({ domain }) => !domain || domain === "ai.onnx")?.version);
  if (opset !== tableOpset)
    throw new ConfigError(`${file}: opset ${opset}; kernels are known for opset ${tableOpset}, export it with that`);
  return checkGraph(model.graph ?? {}, provider, { types: new Map(), constants: new Map() });
}

function checkGraph(graph: Graph, provider: KernelProvider, outer: Scope): Misfit[] {
  const scope: Scope = { types: new Map(outer.types), constants: new Map(outer.constants) };
  for (const constant of graph.initializer ?? []) {
    scope.types.set(constant.name ?? "", dataTypeName(constant.dataType));
    scope.constants.set(constant.name ?? "", constant);
  }
  for (const info of [...(graph.input ?? []), ...(graph.valueInfo ?? []), ...(graph.output ?? [])])
    if (info.type?.tensorType) scope.types.set(info.name ?? "", dataTypeName(info.type.tensorType.elemType));
  return (graph.node ?? []).flatMap((node) => {
    const own = checkNode(node, provider, scope);
    const inside = (node.attribute ?? []).flatMap(({ g }) => (g ? checkGraph(g, provider, scope) : []));
    declareOutputs(node, scope);
    return [...own, ...inside];
  });
}

const attributeOf = (node: Node, name: string) => node.attribute?.find((one) => one.name === name);

/** Types of a node's outputs, where the file does not say them. */
function declareOutputs(node: Node, { types }: Scope): void {
  const type = (i: number) => types.get(node.input?.[i] ?? "");
  for (const [i, name] of (node.output ?? []).entries()) {
    if (types.has(name)) continue;
    const op = node.opType ?? "";
    const made = comparisons.has(op)
      ? "bool"
      : op === "Shape" || op === "NonZero" || (op === "TopK" && i === 1)
        ? "int64"
        : op === "Cast"
          ? dataTypeName(toNumber(attributeOf(node, "to")?.i))
          : op === "Where"
            ? type(1)
            : type(0);
    if (made) types.set(name, made);
  }
}

function checkNode(node: Node, provider: KernelProvider, scope: Scope): Misfit[] {
  const op = node.opType ?? "";
  const input = (i: number) => scope.types.get(node.input?.[i] ?? "") ?? "unknown type";
  const type = op === "Where" ? input(1) : input(0);
  const to = op === "Cast" ? dataTypeName(toNumber(attributeOf(node, "to")?.i)) : undefined;
  const misfit = (why: string): Misfit[] => [
    { provider, node: node.name || node.output?.[0] || op, op, type: to ? `${type} to ${to}` : type, why },
  ];
  if (node.domain && node.domain !== "ai.onnx")
    return misfit(`ops of the domain ${node.domain} are in no table; write it in ops of the default domain`);
  if (!Object.hasOwn(kernels, op)) return misfit("the table of kernels does not have this op; write it in ops it has");
  const short = [type, ...(to ? [to] : [])].map((name) => shortNames[name] ?? name).join(">");
  if (!hasKernel(provider, op, short)) return misfit(missing(provider, op));
  const broken = rules.find(({ providers, applies }) => providers.includes(provider) && applies(node, type, scope));
  return broken ? misfit(broken.why) : [];
}

function missing(provider: KernelProvider, op: string): string {
  const types = kernels[op]?.[provider];
  if (!types) {
    const control = op === "Loop" || op === "Scan";
    return `no kernel; ${control ? "train by single steps there" : "another way to compute it is needed there"}`;
  }
  return `no kernel for this type; there is one for ${types}`;
}

/** What a kernel that exists still gets wrong. */
interface Rule {
  readonly providers: readonly KernelProvider[];
  readonly applies: (node: Node, type: string, scope: Scope) => boolean;
  readonly why: string;
}

const reductionOf = (node: Node) => new TextDecoder().decode(attributeOf(node, "reduction")?.s ?? new Uint8Array());
const isFloat = (type: string) => type.startsWith("float");

/** Whether the places that constant indices name are all different; `false` where that is not known before it runs. */
function distinct(indices: TensorProto | undefined): boolean {
  if (!indices || indices.dataLocation === 1) return false;
  const { dims, data } = hostTensor(indices);
  const numbers = Array.from(data, Number);
  const width = Math.max(1, dims.at(-1) ?? 1);
  const places = Array.from(
    { length: numbers.length / width },
    (_, i) => `${numbers.slice(i * width, (i + 1) * width)}`,
  );
  // A negative index, counted from the end, may name a place under another number.
  return numbers.every((n) => n >= 0) && new Set(places).size === places.length;
}

const rules: readonly Rule[] = [
  {
    // The provider loads cuDNN when such a node first runs, and fails there without it.
    providers: ["cuda"],
    applies: ({ opType }) => ["ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2"].includes(opType ?? ""),
    why: "needs cuDNN, which may be absent; take the largest by TopK, a norm by Mul, ReduceSum and Sqrt",
  },
  {
    // Its reductions are chosen by element size: int32 is added as if it were float.
    providers: ["cuda"],
    applies: (node, type) => /^Scatter/.test(node.opType ?? "") && reductionOf(node) === "add" && !isFloat(type),
    why: "adds integers as if they were floats; scatter float32",
  },
  {
    // Which of two rows for one place stays is left to chance there. Those of TopK, which ScatterElements is used with, never repeat.
    providers: ["cuda"],
    applies: (node, _type, { constants }) =>
      node.opType === "ScatterND" &&
      !["add", "mul", "max", "min"].includes(reductionOf(node)) &&
      !distinct(constants.get(node.input?.[1] ?? "")),
    why: "indices that repeat give a result of chance; make them an initializer without repeats, or scatter with reduction add",
  },
  {
    // K is read by the host before the kernel starts.
    providers: ["cuda", "webgpu"],
    applies: ({ opType, input }, _type, { constants }) => opType === "TopK" && !constants.has(input?.[1] ?? ""),
    why: "K must be a constant of the file; make it an initializer",
  },
];

/** A misfit in one line. */
export const describeMisfit = ({ provider, node, op, type, why }: Misfit): string =>
  `${node}: ${op} on ${type} does not run on ${provider}: ${why}`;

/** @throws {ConfigError} naming the first node that would not run on the provider, and how many more there are. */
export function requireFit(model: Model, provider: KernelProvider, file?: string): void {
  const [first, ...more] = checkModel(model, provider, file);
  if (!first) return;
  const rest = more.length > 0 ? ` (and ${more.length} more; --check lists them)` : "";
  throw new ConfigError(`${file ? `${file}: ` : ""}${describeMisfit(first)}${rest}`);
}
