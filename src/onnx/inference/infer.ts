import { ConfigError } from "../../util/errors.ts";
import { opOf } from "../nonFloats.ts";
import { opsetOf } from "../opsets.ts";
import { type Model, type Node, type TensorProto, toNumber } from "../proto.ts";
import { hostTensor, shapeOf } from "../tensors.ts";
import { elementRules } from "./elements.ts";
import { attributeOf, type Inputs, shapeRules } from "./rules.ts";
import { closed, type Dim, type Shape, unknown } from "./shape.ts";

/** Constants of more elements are no shapes. */
const mostElements = 64;

/**
 * The shapes of the values of the main graph, by what makes them: the shapes of inputs and weights, op by op. Declarations go stale
 * when a model is changed, so they count for nothing, unless `declared` says that they are to be believed where an op is not known.
 */
export function inferShapes(model: Model, { declared = false } = {}): ReadonlyMap<string, Shape> {
  const graph = model.graph ?? {};
  const shapes = new Map<string, Shape>();
  const elements = new Map<string, readonly Dim[]>();
  const opset = opsetOf(model) ?? 1;
  const constant = (name: string, tensor: TensorProto) => {
    shapes.set(name, closed((tensor.dims ?? []).map(toNumber)));
    const known = wholeNumbers(tensor);
    if (known) elements.set(name, known);
  };
  for (const info of graph.input ?? []) {
    const dims = shapeOf(info);
    if (dims) shapes.set(info.name ?? "", closed(dims.map(asDim)));
  }
  for (const tensor of graph.initializer ?? []) constant(tensor.name ?? "", tensor);
  const stated = new Map(
    declared
      ? [...(graph.output ?? []), ...(graph.valueInfo ?? [])].map((info) => [info.name ?? "", info] as const)
      : [],
  );
  // The model's own functions may stand for ops of the default domain.
  const own = new Set(
    (model.functions ?? []).filter(({ domain }) => !domain || domain === "ai.onnx").map(({ name }) => name),
  );
  for (const node of graph.node ?? []) {
    const op = opOf(node);
    const value = op === "Constant" ? constantOf(node) : undefined;
    if (value) {
      constant(node.output?.[0] ?? "", value);
      continue;
    }
    const name = (input: number) => node.input?.[input] || undefined;
    const inputs: Inputs = {
      shape: (input) => (name(input) === undefined ? undefined : (shapes.get(name(input)!) ?? unknown)),
      elements: (input) => elements.get(name(input) ?? ""),
      opset,
    };
    const rule = own.has(node.opType) || !Object.hasOwn(shapeRules, op) ? undefined : shapeRules[op];
    const made = rule?.(node, inputs);
    const all = made === undefined ? [] : "dims" in made ? [made] : made;
    for (const [i, output] of (node.output ?? []).entries())
      if (output !== "") shapes.set(output, withStated(all[i] ?? unknown, stated.get(output)));
    const known =
      !own.has(node.opType) && Object.hasOwn(elementRules, op) ? elementRules[op]!(node, inputs) : undefined;
    if (known && known.length <= mostElements) elements.set(node.output?.[0] ?? "", known);
  }
  return shapes;
}

const asDim = (dim: number | string): Dim => (dim === "?" ? null : dim);

/** What the ops say; where they say nothing of a dim, what is declared. */
function withStated(shape: Shape, info: Parameters<typeof shapeOf>[0] | undefined): Shape {
  const dims = info && shapeOf(info)?.map(asDim);
  if (!dims || (!shape.open && shape.dims.length !== dims.length)) return shape;
  if (shape.open && shape.dims.length > dims.length) return shape;
  const before = dims.length - shape.dims.length;
  return closed(dims.map((dim, i) => (i < before ? dim : (shape.dims[i - before] ?? dim))));
}

function constantOf(node: Node): TensorProto | undefined {
  const value = attributeOf(node, "value")?.t;
  if (value) return value;
  const int = attributeOf(node, "value_int");
  const ints = attributeOf(node, "value_ints");
  if (int) return { dims: [], dataType: 7, int64Data: [toNumber(int.i)] };
  if (ints) return { dims: [ints.ints?.length ?? 0], dataType: 7, int64Data: (ints.ints ?? []).map(toNumber) };
  if (attributeOf(node, "value_float")) return { dims: [], dataType: 1 };
  const floats = attributeOf(node, "value_floats");
  return floats ? { dims: [floats.floats?.length ?? 0], dataType: 1 } : undefined;
}

/** The elements of a small int64 or int32 constant of at most one dim. */
function wholeNumbers(tensor: TensorProto): readonly number[] | undefined {
  const dims = (tensor.dims ?? []).map(toNumber);
  if (dims.length > 1 || (dims[0] ?? 1) > mostElements || tensor.dataLocation === 1) return undefined;
  if (tensor.dataType !== 7 && tensor.dataType !== 6) return undefined;
  try {
    return Array.from(hostTensor(tensor).data as ArrayLike<number | bigint>, Number);
  } catch (error) {
    // A damaged constant says nothing of shapes; loading the model says what it is.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
