import { ConfigError } from "../util/errors.ts";
import { outputType } from "./inference/types.ts";
import { hasKernel, type KernelProvider, kernels } from "./kernels.ts";
import { type Graph, type Model, type Node, toNumber } from "./proto.ts";
import { castTo, rules, type Scope } from "./rules.ts";
import { dataTypeName, shapeOf } from "./tensors.ts";

/** A node that a provider cannot run: it has no kernel, computes it wrongly, or nothing is known of it. */
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

/**
 * The nodes of a model that a provider has no kernel for, or computes wrongly; empty when the whole graph runs there. Nodes
 * in bodies of Loop, Scan and If are included. Nothing is run: the answer comes from the tables.
 * @throws {ConfigError} when the model is not of opset 17, the table's.
 */
export function checkModel(model: Model, provider: KernelProvider, file = "the model"): Misfit[] {
  const opset = toNumber(model.opsetImport?.find(({ domain }) => !domain || domain === "ai.onnx")?.version);
  if (opset !== tableOpset)
    throw new ConfigError(`${file}: opset ${opset}; kernels are known for opset ${tableOpset}, export it with that`);
  return checkGraph(model.graph ?? {}, provider);
}

function checkGraph(graph: Graph, provider: KernelProvider, outer?: Scope): Misfit[] {
  const scope: Scope = {
    types: new Map(outer?.types),
    shapes: new Map(outer?.shapes),
    constants: new Map(outer?.constants),
    makers: new Map(outer?.makers),
  };
  for (const constant of graph.initializer ?? []) {
    scope.types.set(constant.name ?? "", dataTypeName(constant.dataType));
    scope.shapes.set(constant.name ?? "", (constant.dims ?? []).map(toNumber));
    scope.constants.set(constant.name ?? "", constant);
  }
  for (const info of [...(graph.input ?? []), ...(graph.valueInfo ?? []), ...(graph.output ?? [])]) {
    if (info.type?.tensorType) scope.types.set(info.name ?? "", dataTypeName(info.type.tensorType.elemType));
    const shape = shapeOf(info);
    if (shape) scope.shapes.set(info.name ?? "", shape);
  }
  return (graph.node ?? []).flatMap((node) => {
    const own = checkNode(node, provider, scope);
    const inside = (node.attribute ?? []).flatMap(({ g }) => (g ? checkGraph(g, provider, scope) : []));
    declareOutputs(node, scope);
    return [...own, ...inside];
  });
}

/** Types of a node's outputs, where the file does not declare them. */
function declareOutputs(node: Node, { types, makers }: Scope): void {
  for (const [i, name] of (node.output ?? []).entries()) {
    makers.set(name, { node, output: i });
    const made = types.get(name) ?? outputType(node, i, (input) => types.get(node.input?.[input] ?? ""));
    if (made) types.set(name, made);
  }
}

function checkNode(node: Node, provider: KernelProvider, scope: Scope): Misfit[] {
  const op = node.opType ?? "";
  const input = (i: number) => scope.types.get(node.input?.[i] ?? "") ?? "unknown type";
  const type = op === "Where" ? input(1) : input(0);
  const to = op === "Cast" ? castTo(node) : undefined;
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

/** A misfit in one line. */
export const describeMisfit = ({ provider, node, op, type, why }: Misfit): string =>
  `${node}: ${op} on ${type} does not fit ${provider}: ${why}`;

/** @throws {ConfigError} naming the first node that would not run on the provider, and how many more there are. */
export function requireFit(model: Model, provider: KernelProvider, file?: string): void {
  const [first, ...more] = checkModel(model, provider, file);
  if (!first) return;
  const rest = more.length > 0 ? ` (and ${more.length} more; --check lists them)` : "";
  throw new ConfigError(`${file ? `${file}: ` : ""}${describeMisfit(first)}${rest}`);
}
