/**
 * @file What existing kernels get wrong, as far as the graph alone shows it. kernels.ts says which kernels there are. These
 * rules say where a provider has one and still fails later, gives other numbers than the CPU, or other numbers in each run. They
 * come from ONNX Runtime's sources and documents, and from trying; of CUDA nothing was tried.
 */
import type { KernelProvider } from "./kernels.ts";
import { type Attribute, type Node, type TensorProto, toNumber } from "./proto.ts";
import { dataTypeName, hostTensor } from "./tensors.ts";

/** What is known of the values of a graph and of its enclosing graphs. */
export interface Scope {
  /** Element types by value name. */
  readonly types: Map<string, string>;
  /** Shapes by value name, where the file declares them. */
  readonly shapes: Map<string, readonly (number | string)[]>;
  /** Values that are constants of the file. */
  readonly constants: Map<string, TensorProto>;
  /** The node that gives a value, and as which of its outputs. */
  readonly makers: Map<string, { readonly node: Node; readonly output: number }>;
}

/** A reason to refuse a node. */
export interface Rule {
  readonly providers: readonly KernelProvider[];
  /** Whether the reason holds for a node that computes with this element type. */
  readonly applies: (node: Node, type: string, scope: Scope) => boolean;
  /** What goes wrong, and what to do. */
  readonly why: string;
}

export const attributeOf = (node: Node, name: string): Attribute | undefined =>
  node.attribute?.find((one) => one.name === name);

/** The type a Cast casts to. */
export const castTo = (node: Node): string => dataTypeName(toNumber(attributeOf(node, "to")?.i));

const isFloat = (type: string) => type.startsWith("float");
const isScatter = ({ opType }: Node) => opType === "ScatterElements" || opType === "ScatterND";
const reductionOf = (node: Node) =>
  new TextDecoder().decode(attributeOf(node, "reduction")?.s ?? new Uint8Array()) || "none";
/** An axis counted from the front; where the rank is not known, as it is written. */
function axisOf(node: Node, otherwise: number, value: string | undefined, { shapes }: Scope): number {
  const found = attributeOf(node, "axis")?.i;
  const axis = found == null ? otherwise : toNumber(found);
  const rank = shapes.get(value ?? "")?.length;
  return axis < 0 && rank !== undefined ? axis + rank : axis;
}

/** Whether a Scatter writes to each place once at most; `false` where only a run would tell. */
function distinct(node: Node, scope: Scope): boolean {
  const indices = node.input?.[1] ?? "";
  const constant = scope.constants.get(indices);
  if (constant) return constant.dataLocation !== 1 && distinctConstants(node, constant, scope);
  const maker = scope.makers.get(indices);
  // The indices of a TopK differ along its axis.
  return (
    node.opType === "ScatterElements" &&
    maker?.node.opType === "TopK" &&
    maker.output === 1 &&
    axisOf(maker.node, -1, maker.node.input?.[0], scope) === axisOf(node, 0, node.input?.[0], scope)
  );
}

function distinctConstants(node: Node, indices: TensorProto, scope: Scope): boolean {
  const { dims, data } = hostTensor(indices);
  const numbers = Array.from(data, Number);
  // A negative index counts from the end: two different numbers may name one place.
  if (numbers.some((n) => n < 0)) return false;
  const places =
    node.opType === "ScatterND"
      ? rowsOf(numbers, dims)
      : entriesOf(numbers, dims, axisOf(node, 0, node.input?.[0], scope));
  return new Set(places).size === places.length;
}

/** The places of ScatterND: one for each entry along the last axis. */
function rowsOf(numbers: readonly number[], dims: readonly number[]): string[] {
  const width = Math.max(1, dims.at(-1) ?? 1);
  return Array.from({ length: numbers.length / width }, (_, i) => `${numbers.slice(i * width, (i + 1) * width)}`);
}

/** The places of ScatterElements: where each entry stands, with its index in place of its position along the axis. */
function entriesOf(numbers: readonly number[], dims: readonly number[], axis: number): string[] {
  const inner = dims.slice(axis < 0 ? axis + dims.length + 1 : axis + 1).reduce((a, b) => a * b, 1);
  const size = dims.at(axis) ?? 1;
  return numbers.map((n, i) => `${Math.floor(i / (inner * size))},${n},${i % inner}`);
}

/** Whether a graph's inputs and outputs all have shapes of numbers. */
const fixedShapes = (node: Node): boolean =>
  (node.attribute ?? []).every(({ g }) =>
    [...(g?.input ?? []), ...(g?.output ?? [])].every((info) =>
      info.type?.tensorType?.shape?.dim?.every(({ dimValue }) => dimValue != null && toNumber(dimValue) > 0),
    ),
  );

export const rules: readonly Rule[] = [
  {
    // The provider loads cuDNN when such a node first runs, and fails there without it.
    providers: ["cuda"],
    applies: ({ opType }) => ["ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2"].includes(opType ?? ""),
    why: "needs cuDNN, which may be absent; take the largest by TopK, a norm by Mul, ReduceSum and Sqrt",
  },
  {
    // The kernel is chosen by element size: int32 is added as if it were float32.
    providers: ["cuda"],
    applies: (node, type) => isScatter(node) && reductionOf(node) !== "none" && !isFloat(type),
    why: "adds integers as if they were floats; scatter float32",
  },
  {
    // Each entry is written by its own thread: of two at one place, either may win.
    providers: ["cuda", "webgpu"],
    applies: (node, _type, scope) => isScatter(node) && reductionOf(node) === "none" && !distinct(node, scope),
    why: "indices that repeat give a result of chance; take a TopK's along its axis, or make them an initializer without repeats",
  },
  {
    // Entries are added by atomic operations, in the order the threads arrive; a float sum depends on the order.
    providers: ["cuda", "webgpu"],
    applies: (node, type, scope) =>
      isScatter(node) && ["add", "mul"].includes(reductionOf(node)) && isFloat(type) && !distinct(node, scope),
    why: "adds up in an order of chance where indices repeat, so that the last digits change from run to run; sum by ReduceSum or MatMul",
  },
  {
    // K is read by the host before the kernel starts.
    providers: ["cuda", "webgpu"],
    applies: ({ opType, input }, _type, { constants }) => opType === "TopK" && !constants.has(input?.[1] ?? ""),
    why: "K must be a constant of the file; make it an initializer",
  },
  {
    providers: ["cuda", "webgpu"],
    applies: (node) => node.opType === "TopK" && toNumber(attributeOf(node, "sorted")?.i ?? 1) === 0,
    why: "unsorted results come in an order of each provider's own; ask for sorted ones",
  },
  {
    // Constants are cast on the CPU, when the model is loaded.
    providers: ["webgpu"],
    applies: (node, type, { constants }) =>
      (type === "float16" || (node.opType === "Cast" && castTo(node) === "float16")) &&
      !constants.has(node.input?.[0] ?? ""),
    why: "needs the adapter's shader-f16, which not every one has; compute in float32",
  },
  {
    // Two buffers per carried value, laid out before the first step.
    providers: ["cuda"],
    applies: (node) => node.opType === "Scan" && !fixedShapes(node),
    why: "all shapes of its body must be numbers, for the state to stay in place on the device; fix batch and dims",
  },
];
