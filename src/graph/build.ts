import { withMetadata } from "../onnx/model.ts";
import type { Attribute, Graph, Model, Node } from "../onnx/proto.ts";
import { dataTypes, tensorProto, valueInfo } from "../onnx/tensors.ts";
import { ShapeError } from "../util/errors.ts";
import { bytesOf, type DType, type HostTensor } from "../util/tensor.ts";
import type { Values } from "./control.ts";
import { identity } from "./ops.ts";
import {
  type Body,
  type ConstantNode,
  type Frame,
  type GraphNode,
  type OpNode,
  requireVisible,
  showShape,
  type Value,
} from "./value.ts";

/** Opset and IR version of every model: ONNX Runtime from 1.14 on and the checker of onnx 1.12 all read them. */
export const opsetVersion = 17;
export const irVersion = 8;

/** Equal constants of up to this many bytes are stored once per graph. */
const sharedUpTo = 1024;

/** What a model is made of; names are given here and nowhere else. */
export interface ModelDraft {
  readonly inputs: Values;
  readonly outputs: Values;
  /** Values inside that get a name too, such as a residual stream that others will tap; they are no outputs. */
  readonly values?: Values;
  /** Name of the graph; default `"graph"`. */
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default 17. Another one must have every op used, with the same attributes. */
  readonly opset?: { readonly opsetVersion: number; readonly irVersion: number };
}

/**
 * An ONNX model that computes `outputs` from `inputs`. The same parts give the same bytes. Unused inputs stay inputs.
 * @throws {ShapeError} when an output needs an input that is not listed or a value of a body that has ended, when two inputs
 * share a value, an input and an output share a name, two constants share a name, or there are no outputs. A value inside
 * that is named is as an output in all of this.
 */
export function buildModel({
  inputs,
  outputs,
  values = {},
  name = "graph",
  metadata = {},
  opset = { opsetVersion, irVersion },
}: ModelDraft): Model {
  const listed = new Set(Object.values(inputs).map(({ node }) => node));
  if (listed.size !== Object.keys(inputs).length) throw new ShapeError("buildModel: two inputs are the same value");
  for (const [inputName, { node }] of Object.entries(inputs))
    if (node.kind !== "input") throw new ShapeError(`buildModel: "${inputName}" is computed; make it with input()`);

  if (Object.keys(outputs).length === 0) throw new ShapeError("buildModel: there are no outputs; name at least one");
  const wanted = { ...outputs, ...values };
  for (const [valueName, value] of [...Object.entries(inputs), ...Object.entries(wanted)])
    requireVisible(`buildModel: "${valueName}"`, [value]);
  refuseShared(inputs, "an input", outputs, "an output");
  refuseShared(inputs, "an input", values, "a value inside");
  refuseShared(outputs, "an output", values, "a value inside");

  const named = finalValues(inputs, wanted);
  const nodes = reachable(Object.values(named));
  for (const node of nodes)
    if (node.kind === "input" && node.frame === null && !listed.has(node))
      throw new ShapeError(
        `buildModel: an output depends on an input of shape ${showShape(node.outputs[0]!.shape)} that is not listed; add it to inputs`,
      );

  const names = new Map<Value, string>();
  for (const [inputName, value] of Object.entries(inputs)) names.set(value, inputName);
  for (const [outputName, value] of Object.entries(named)) names.set(resolve(value), outputName);

  const namer = new Namer(names);
  const main = emitGraph(name, null, nodes, namer);
  const declare = ([valueName, { dtype, shape }]: [string, Value]) => valueInfo(valueName, dtype, shape);
  const graph: Graph = {
    ...main,
    input: Object.entries(inputs).map(declare),
    output: Object.keys(outputs).map((outputName) => declare([outputName, named[outputName]!])),
    valueInfo: main.valueInfo!.filter(({ name }) => !(name! in outputs)),
  };
  const opsetImport = [{ domain: "", version: opset.opsetVersion }];
  const model = { irVersion: opset.irVersion, producerName: "sae-onnx", opsetImport, graph };
  return withMetadata(model, metadata);
}

function refuseShared(some: Values, what: string, others: Values, also: string): void {
  const twice = Object.keys(others).find((name) => name in some);
  if (twice) throw new ShapeError(`buildModel: "${twice}" is ${what} and ${also}; give one another name`);
}

/** Outputs and values inside that already have a name (an input's, a parameter's, another one's) get an Identity of their own. */
function finalValues(inputs: Values, outputs: Values): Values {
  const taken = new Set<Value>(Object.values(inputs));
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => {
      const source = resolve(value);
      const own = taken.has(source) || source.node.kind !== "op" ? identity(value) : value;
      taken.add(resolve(own));
      return [name, own];
    }),
  );
}

/** The value behind any aliases. */
function resolve(value: Value): Value {
  let source = value;
  while (source.node.kind === "alias") source = source.node.inputs[source.index]!;
  return source;
}

/** The inputs a node reads and what its bodies give back, with aliases resolved. */
const sourcesOf = (node: GraphNode): readonly Value[] =>
  node.kind === "op"
    ? [...node.inputs, ...Object.values(node.bodies).flatMap((body) => body.outputs.map(({ value }) => value))].map(
        resolve,
      )
    : [];

/** Every node the values need, in topological order. */
function reachable(values: readonly Value[]): GraphNode[] {
  const seen = new Set<GraphNode>();
  const stack = values.map((value) => resolve(value).node);
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...sourcesOf(node).map((value) => value.node));
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** Gives out unique names: nodes are `scope/Op_0`, a value is named after its node. */
class Namer {
  #counts = new Map<string, number>();
  #taken: Set<string>;
  #names: Map<Value, string>;

  constructor(names: Map<Value, string>) {
    this.#names = names;
    this.#taken = new Set(names.values());
  }

  /** A name that nobody has: `base_0`, `base_1`, ... */
  fresh(base: string): string {
    for (;;) {
      const count = this.#counts.get(base) ?? 0;
      this.#counts.set(base, count + 1);
      const name = `${base}_${count}`;
      if (!this.#taken.has(name)) return this.claim(name);
    }
  }

  /** Takes a name as it is, or numbered if somebody has it. */
  claim(name: string): string {
    if (this.#taken.has(name)) return this.fresh(name);
    this.#taken.add(name);
    return name;
  }

  set(value: Value, name: string): string {
    this.#names.set(value, name);
    return name;
  }

  of(value: Value): string {
    const name = this.#names.get(resolve(value));
    if (name === undefined)
      throw new ShapeError(`buildModel: a value made in ${value.node.scope || "the graph"} has no name yet`);
    return name;
  }

  has(value: Value): boolean {
    return this.#names.has(value);
  }
}

/** The nodes of one frame, and inside them those of its bodies. */
function emitGraph(name: string, frame: Frame | null, nodes: readonly GraphNode[], namer: Namer): Graph {
  const node: Node[] = [];
  const initializer: NonNullable<Graph["initializer"]> = [];
  const infos: NonNullable<Graph["valueInfo"]> = [];
  const shared = new Map<string, { readonly name: string; readonly tensor: HostTensor }>();
  for (const one of nodes) {
    if (one.frame !== frame) continue;
    if (one.kind === "constant") {
      const key = keyOf(one);
      const known = key === undefined ? undefined : shared.get(key);
      if (known && one.name !== undefined && known.tensor !== one.tensor)
        throw new ShapeError(`buildModel: two constants are called "${one.name}"; give one another name`);
      const constantName =
        known?.name ?? (one.name === undefined ? namer.fresh(pathOf(one.scope, "const")) : namer.claim(one.name));
      namer.set(one.outputs[0]!, constantName);
      if (!known) initializer.push(tensorProto(constantName, one.tensor));
      if (key !== undefined) shared.set(key, { name: constantName, tensor: one.tensor });
    } else if (one.kind === "op") {
      node.push(emitNode(one, nodes, namer));
      for (const output of one.outputs) infos.push(valueInfo(namer.of(output), output.dtype, output.shape));
    }
  }
  return { name, node, initializer, valueInfo: infos };
}

function emitNode(one: OpNode, nodes: readonly GraphNode[], namer: Namer): Node {
  const name = namer.fresh(pathOf(one.scope, one.op));
  const bodies = Object.entries(one.bodies).map(([key, body]) =>
    graphAttribute(key, emitBody(name, key, body, nodes, namer)),
  );
  return {
    opType: one.op,
    name,
    input: one.inputs.map((value) => namer.of(value)),
    output: one.outputs.map((value, i) =>
      namer.has(value) ? namer.of(value) : namer.set(value, i === 0 ? name : namer.claim(`${name}.${i}`)),
    ),
    attribute: [...Object.entries(one.attributes).map(attribute), ...bodies],
  };
}

function emitBody(owner: string, key: string, body: Body, nodes: readonly GraphNode[], namer: Namer): Graph {
  for (const { name, value } of body.inputs) namer.set(value, namer.claim(`${owner}/${name}`));
  const graph = emitGraph(`${owner}/${key}`, body.frame, nodes, namer);
  // An output gets an Identity where it is a constant, comes from outside, is unchanged by the step, or is given twice.
  // A Loop's condition does not.
  const given = new Set<string>();
  const outputs = body.outputs.map(({ name, value }) => {
    const source = resolve(value);
    const known = namer.of(value);
    const { kind, frame } = source.node;
    const inside = frame === body.frame && (kind === "op" || (kind === "input" && value.dtype === "bool"));
    if (inside && !given.has(known)) {
      given.add(known);
      return valueInfo(known, value.dtype, value.shape);
    }
    const passed = namer.claim(`${owner}/${name}_out`);
    graph.node!.push({ opType: "Identity", name: passed, input: [known], output: [passed] });
    return valueInfo(passed, value.dtype, value.shape);
  });
  const declared = new Set([...outputs.map((info) => info.name)]);
  return {
    ...graph,
    input: body.inputs.map(({ value }) => valueInfo(namer.of(value), value.dtype, value.shape)),
    output: outputs,
    valueInfo: graph.valueInfo!.filter((info) => !declared.has(info.name)),
  };
}

const pathOf = (scope: string, name: string): string => (scope === "" ? name : `${scope}/${name}`);

/** Constants with the same key are stored once: the same name, or the same type, shape and bytes. Large ones have no key. */
function keyOf({ name, tensor }: ConstantNode): string | undefined {
  if (name !== undefined) return `name/${name}`;
  const bytes = bytesOf(tensor);
  return bytes.length > sharedUpTo ? undefined : `${tensor.dtype}/${tensor.dims.join(",")}/${bytes.join(",")}`;
}

/** Attribute types of ONNX: INT 2, STRING 3, GRAPH 5, INTS 7. `to` of Cast is an element type. */
function attribute([name, value]: [string, number | readonly number[] | string]): Attribute {
  if (name === "to") return { name, type: 2, i: dataTypes[value as DType] };
  if (typeof value === "number") return { name, type: 2, i: value };
  if (typeof value === "string") return { name, type: 3, s: new TextEncoder().encode(value) };
  return { name, type: 7, ints: [...value] };
}

const graphAttribute = (name: string, g: Graph): Attribute => ({ name, type: 5, g });
