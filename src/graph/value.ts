import { ShapeError } from "../util/errors.ts";
import type { DType, HostTensor } from "../util/tensor.ts";
import type { OpType } from "./opset.ts";

/** A size, a name (`"batch"`) that stands for one size throughout a model, or `"?"` where nothing is known. */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** Element types gradients exist for. */
export type Float = "float32" | "float64";
/** Element types arithmetic exists for. */
export type Numeric = Float | "int32" | "int64";

/** A tensor in a graph: immutable, knows its type, its shape and the node that makes it. */
export interface Value<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly node: GraphNode;
  /** Which output of its node this is. */
  readonly index: number;
}

/** Attributes of an op: ONNX ints, lists of ints, and strings. */
export type Attributes = Readonly<Record<string, number | readonly number[] | string>>;

/** From the cotangents of an alias's outputs, those of its inputs; `null` where none flows. */
export type Backward = (dys: readonly (Value<Float> | null)[]) => readonly (Value<Float> | null)[];

interface NodeBase {
  /** Ids ascend in the order of creation, which is a topological order. */
  readonly id: number;
  /** Where in the model it was written: `"encode"`, `"grad/encode"`, `""`. */
  readonly scope: string;
  /** The body of the Loop, Scan or If it runs in; `null` in the main graph. */
  readonly frame: Frame | null;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

export interface OpNode extends NodeBase {
  readonly kind: "op";
  readonly op: OpType;
  readonly attributes: Attributes;
  readonly bodies: Readonly<Record<string, Body>>;
}

/** An input of the model or of a body; it gets its name when the model is built. */
export interface InputNode extends NodeBase {
  readonly kind: "input";
}

export interface ConstantNode extends NodeBase {
  readonly kind: "constant";
  readonly tensor: HostTensor;
  /** The name it keeps in the file (parameters); others are numbered. */
  readonly name: string | undefined;
}

/** Gives its first inputs other names and a gradient of their own. It leaves no trace in the file. */
export interface AliasNode extends NodeBase {
  readonly kind: "alias";
  readonly backward: Backward;
}

export type GraphNode = OpNode | InputNode | ConstantNode | AliasNode;

/** The inside of a Loop, Scan or If while it is built. Values made there cannot leave it. */
export interface Frame {
  readonly parent: Frame | null;
  readonly what: string;
}

/** A subgraph: its own inputs and outputs. It may use values of the enclosing graphs. */
export interface Body {
  readonly frame: Frame;
  readonly inputs: readonly { readonly name: string; readonly value: Value }[];
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
}

/** Where new values go at this moment. Building a graph is synchronous, so one variable is enough. */
let place: { readonly scope: string; readonly frame: Frame | null } = { scope: "", frame: null };
let nextId = 0;

/** The scope and body in which values are made at this moment. */
export const here = () => place;

function at<T>(next: typeof place, build: () => T): T {
  const before = place;
  place = next;
  try {
    return build();
  } finally {
    place = before;
  }
}

/** Everything `build` makes is named `name/...` in the file, and in the errors ONNX Runtime throws about it. */
export const scope = <T>(name: string, build: () => T): T =>
  at({ ...place, scope: place.scope === "" ? name : `${place.scope}/${name}` }, build);

/** As `scope`, with the whole path. */
export const absoluteScope = <T>(path: string, build: () => T): T => at({ ...place, scope: path }, build);

/** Builds the inside of a Loop, Scan or If: what `build` makes belongs to the frame it gets. */
export function inFrame<T>(what: string, build: (frame: Frame) => T): T {
  const frame: Frame = { parent: place.frame, what };
  return at({ ...place, frame }, () => build(frame));
}

/** The fields of a node that its maker decides; the rest comes from `here()`. */
type Draft =
  | Pick<OpNode, "kind" | "op" | "attributes" | "bodies">
  | Pick<InputNode, "kind">
  | Pick<ConstantNode, "kind" | "tensor" | "name">
  | Pick<AliasNode, "kind" | "backward">;

/**
 * A node in the present scope and body, with its output values.
 * @throws {ShapeError} when an input belongs to a body that has ended.
 */
export function makeNode(draft: Draft, inputs: readonly Value[], types: readonly (readonly [DType, Shape])[]) {
  requireVisible("op" in draft ? `${draft.op}: an input` : `${draft.kind}: an input`, inputs);
  const outputs: Value[] = [];
  const node = { ...draft, id: nextId++, ...place, inputs, outputs } as GraphNode;
  for (const [index, [dtype, shape]] of types.entries()) outputs.push(Object.freeze({ dtype, shape, node, index }));
  return Object.freeze(node).outputs;
}

/**
 * Throws unless every value can be used in the present body.
 * @throws {ShapeError} naming `what` when one belongs to a body that has ended.
 */
export function requireVisible(what: string, values: readonly Value[]): void {
  const hidden = values.find(({ node }) => !isVisible(node.frame));
  if (hidden)
    throw new ShapeError(
      `${what} was made inside ${hidden.node.frame?.what}, which has ended; return it from the body`,
    );
}

function isVisible(frame: Frame | null): boolean {
  for (let inner = place.frame; inner !== null; inner = inner.parent) if (inner === frame) return true;
  return frame === null;
}

/** A shape for messages: `[batch, 512]`. */
export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** Whether a value is computed from another one, through whatever ops and aliases. */
export function dependsOn(value: Value, source: Value): boolean {
  const seen = new Set<GraphNode>();
  const stack = [value.node];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (node === source.node) return true;
    if (seen.has(node) || node.id < source.node.id) continue;
    seen.add(node);
    const inside = node.kind === "op" ? Object.values(node.bodies).flatMap(({ outputs }) => outputs) : [];
    stack.push(...node.inputs.map((input) => input.node), ...inside.map((output) => output.value.node));
  }
  return false;
}
