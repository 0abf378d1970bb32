/** @file The values of a model's main graph, with what is known of each: what `inspect` lists. */
import { inferShapes } from "./inference/infer.ts";
import type { Shape } from "./inference/shape.ts";
import { outputType } from "./inference/types.ts";
import { opOf } from "./nonFloats.ts";
import { type Model, toNumber } from "./proto.ts";
import { dataTypeName } from "./tensors.ts";

/** A value, and what is known of it. */
export interface ListedValue {
  readonly name: string;
  readonly kind: "input" | "weights" | "value";
  /** Element type by name, and dims; `?` stands for one that is not known. */
  readonly type: string | null;
  readonly shape: readonly (number | string)[] | null;
  /** Bytes, where all dims are sizes. */
  readonly bytes: number | null;
  /** The op that gives it, and the name of that node. */
  readonly op: string | null;
  readonly node: string | null;
  /** Where in a network the node stands, as its exporter says. */
  readonly scope: string | null;
  /** How wide the activations are, where an encoder can be attached to it. */
  readonly width: number | null;
}

const bytesOf: Readonly<Record<string, number>> = {
  ...{ float32: 4, float64: 8, float16: 2, bfloat16: 2, int64: 8, int32: 4, int16: 2, int8: 1 },
  ...{ uint64: 8, uint32: 4, uint16: 2, uint8: 1, bool: 1 },
};
const floats = new Set(["float32", "float16", "float64", "bfloat16"]);

/** Every input, weight and value of the main graph in order; `scopes` say where the nodes stand, by their number. */
export function listValues(model: Model, scopes: ReadonlyMap<number, string> = new Map()): readonly ListedValue[] {
  const graph = model.graph ?? {};
  const shapes = inferShapes(model, { declared: true });
  const types = new Map<string, string>();
  const declared = [...(graph.output ?? []), ...(graph.valueInfo ?? []), ...(graph.input ?? [])];
  const tensors = new Set<string>();
  for (const { name, type } of declared) {
    if (type?.tensorType?.elemType) types.set(name ?? "", dataTypeName(type.tensorType.elemType));
    if (type && !type.tensorType) tensors.add(name ?? "");
  }
  const weights = new Set<string>();
  for (const { name, dataType } of graph.initializer ?? []) {
    types.set(name ?? "", dataTypeName(dataType));
    weights.add(name ?? "");
  }
  // What nothing fed into the model reaches is a weight in another form.
  const fed = new Set((graph.input ?? []).map(({ name }) => name ?? "").filter((name) => !weights.has(name)));

  const listed = (name: string, kind: ListedValue["kind"], made: Partial<ListedValue> = {}): ListedValue => {
    const type = types.get(name) ?? null;
    const shape = dimsOf(shapes.get(name));
    const sizes = shape?.every((dim) => typeof dim === "number") ? (shape as readonly number[]) : undefined;
    const each = type === null ? undefined : bytesOf[type];
    const width = shape?.at(-1);
    const isActivation =
      fed.has(name) &&
      !tensors.has(name) &&
      (type === null || floats.has(type)) &&
      (shape?.length === 2 || shape?.length === 3) &&
      typeof width === "number" &&
      width > 1;
    return {
      ...{ name, kind, type, shape },
      bytes: sizes && each ? sizes.reduce((product, size) => product * size, each) : null,
      ...{ op: null, node: null, scope: null, ...made },
      width: isActivation ? (width as number) : null,
    };
  };
  const inputs = [...fed].map((name) => listed(name, "input"));
  const own = [...weights].map((name) => listed(name, "weights"));
  const values = (graph.node ?? []).flatMap((node, number) => {
    const reached = node.input?.some((name) => fed.has(name)) || (node.attribute ?? []).some(({ g }) => g);
    return (node.output ?? []).flatMap((name, output) => {
      if (name === "") return [];
      const type = types.get(name) ?? outputType(node, output, (input) => types.get(node.input?.[input] ?? ""));
      if (type !== undefined) types.set(name, type);
      if (reached) fed.add(name);
      return listed(name, "value", { op: opOf(node), node: node.name || null, scope: scopes.get(number) ?? null });
    });
  });
  return [...inputs, ...own, ...values];
}

/** The dims of a shape; `...` before those whose number is not known. */
const dimsOf = (shape: Shape | undefined): (number | string)[] | null =>
  !shape || (shape.open && shape.dims.length === 0)
    ? null
    : [...(shape.open ? ["..."] : []), ...shape.dims.map((dim) => dim ?? "?")];

/** How many elements the weights have, and how many bytes they take, wherever they are stored. */
export function weightsOf(model: Model): { readonly tensors: number; readonly bytes: number } {
  const all = model.graph?.initializer ?? [];
  const bytes = all.reduce((sum, { dims, dataType }) => {
    const count = (dims ?? []).map(toNumber).reduce((product, size) => product * size, 1);
    return sum + count * (bytesOf[dataTypeName(dataType)] ?? 0);
  }, 0);
  return { tensors: all.length, bytes };
}
