/** @file The residual stream of a network: which value of a model it is after each block, whatever the exporter called it. */
import { distance } from "fastest-levenshtein";
import { inferShapes } from "./inference/infer.ts";
import { opOf } from "./nonFloats.ts";
import type { Model, Node } from "./proto.ts";
import { graphsIn, optionalOutputs } from "./values.ts";

/** The residual stream after one block. */
export interface Hook {
  /** `blocks.14`; of a model of several lists of blocks `encoder.blocks.14`. */
  readonly name: string;
  readonly block: number;
  /** The value, as `findValue` takes it: its name, or `NODE:3` for a sum that the node does not give yet. */
  readonly value: string;
  /** The module it is the output of, as the exporter calls it: `model.layers.14`. */
  readonly module: string;
  /** How wide it is, where the model says so. */
  readonly width: number | null;
}

/** A place in a list of blocks: `model.layers` and 14. */
interface Place {
  readonly list: string;
  readonly block: number;
}

/** Ops without which a part of a network is no block: those that multiply with weights, and fused attention. */
const working = /MatMul|Gemm|Conv|Attention/;

/**
 * The residual stream after every block of the main graph, block by block; `scopes` are the modules of its nodes, by their numbers. A block is what an exporter puts under one number of a list
 * of modules: in a node's metadata (`scopesOf`), in its name (`/model/layers.2/Add_1`) or in that of what it gives. Its residual is the last
 * value that leaves it; where two leave it only to be added by a fused normalisation, their sum. Empty where no block is found.
 */
export function findHooks(model: Model, scopes: ReadonlyMap<number, string>): readonly Hook[] {
  const nodes = model.graph?.node ?? [];
  const readers = readersOf(nodes);
  const places = placesOf(nodes, scopes, readers);
  const lists = new Map<string, Map<number, number[]>>();
  for (const [node, place] of places.entries()) {
    if (!place) continue;
    const blocks = lists.get(place.list) ?? new Map<number, number[]>();
    lists.set(place.list, blocks.set(place.block, [...(blocks.get(place.block) ?? []), node]));
  }
  const shapes = inferShapes(model, { declared: true });
  /** Dims of a value: how many, where that is known, and the last. */
  const seen = (value: string) => {
    const shape = shapes.get(value);
    const last = shape?.dims.at(-1);
    return {
      rank: shape && !shape.open ? shape.dims.length : undefined,
      width: typeof last === "number" ? last : null,
    };
  };

  /** The residual after the block that some nodes are; nothing where no activation leaves it. */
  const residual = (own: readonly number[]): { readonly value: string; readonly width: number | null } | undefined => {
    const inside = new Set(own);
    const leaving = own.flatMap((node) =>
      (nodes[node]!.output ?? []).flatMap((value) => {
        const outside = (readers.get(value) ?? []).filter((reader) => !inside.has(reader));
        const { rank, width } = seen(value);
        const fits = (rank === undefined || rank === 2 || rank === 3) && width !== 1;
        return value && outside.length > 0 && fits ? [{ value, outside, width }] : [];
      }),
    );
    const last = leaving.at(-1);
    if (!last) return undefined;
    const [adder] = last.outside;
    const sum = last.outside.length === 1 && inside.size > 0 ? sumOf(nodes[adder!]!) : undefined;
    const other = sum && leaving.find(({ value }) => value !== last.value && nodes[adder!]!.input?.includes(value));
    return other ? { value: sum!, width: last.width ?? other.width } : last;
  };

  const found = [...lists].flatMap(([list, blocks]) => {
    const real = [...blocks].filter(([, own]) => own.some((node) => working.test(nodes[node]!.opType ?? "")));
    const hooks = real
      .sort(([a], [b]) => a - b)
      .flatMap(([block, own]) => {
        const value = residual(own);
        return value ? [{ block, module: `${list}.${block}`, list, ...value }] : [];
      });
    // Numbers of a list begin with 0; others are names of something else.
    return hooks[0]?.block === 0 ? [hooks] : [];
  });
  const names = listNames(found.map(([first]) => first!.list));
  return found.flatMap((hooks, i) =>
    hooks.map(({ block, value, module, width }) => ({ name: `${names[i]}.${block}`, block, value, module, width })),
  );
}

/** The sum that a node gives of its inputs; `NODE:3` where it is not asked for it yet. */
function sumOf(node: Node): string | undefined {
  if (opOf(node) === "Add") return node.output?.[0];
  const { sum, likeInput } = optionalOutputs[opOf(node)] ?? {};
  if (sum === undefined || !likeInput) return undefined;
  return node.output?.[sum] || (node.name ? `${node.name}:${sum}` : undefined);
}

/** Which nodes read each value; a body reads for the node it belongs to. */
function readersOf(nodes: readonly Node[]): ReadonlyMap<string, readonly number[]> {
  const readers = new Map<string, number[]>();
  for (const [index, node] of nodes.entries())
    for (const value of new Set(readBy(node))) readers.set(value, [...(readers.get(value) ?? []), index]);
  return readers;
}

/** The names a node reads, those of its bodies too. */
export const readBy = ({ input, attribute }: Node): readonly string[] => [
  ...(input ?? []),
  ...(attribute ?? []).flatMap(({ g, graphs }) =>
    [...(g ? [g] : []), ...(graphs ?? [])]
      .flatMap(graphsIn)
      .flatMap(({ node, output }) => [
        ...(node ?? []).flatMap((one) => one.input ?? []),
        ...(output ?? []).map(({ name }) => name ?? ""),
      ]),
  ),
];

/** The place of every node, by its number. What nothing is said of stands where all that reads it stands. */
function placesOf(
  nodes: readonly Node[],
  scopes: ReadonlyMap<number, string>,
  readers: ReadonlyMap<string, readonly number[]>,
): readonly (Place | undefined)[] {
  const places = nodes.map((node, index) => {
    const said = [scopes.get(index), node.name, ...(node.output ?? [])];
    for (const text of said) {
      const place = text ? placeIn(text) : undefined;
      if (place) return place;
    }
    return undefined;
  });
  for (let index = nodes.length - 1; index >= 0; index--) {
    if (places[index] || scopes.has(index)) continue;
    const reading = (nodes[index]!.output ?? [])
      .flatMap((value) => readers.get(value) ?? [])
      .map((node) => places[node]);
    const [first] = reading;
    if (first && reading.every((one) => one?.list === first.list && one.block === first.block)) places[index] = first;
  }
  return places;
}

/** A number written into a module's own name: `layer0`, `block_3`. */
const numberedName = /^(layers?|blocks?|h)_?(\d+)$/i;

/** The outermost number of a list of modules in a path: `/model/layers.2/mlp/Add` stands in block 2 of `model.layers`. */
export function placeIn(path: string): Place | undefined {
  const parts = path.split(/[/.]/).filter(Boolean);
  for (const [i, part] of parts.entries()) {
    if (i > 0 && /^\d+$/.test(part) && /^[A-Za-z_]/.test(parts[i - 1]!))
      return { list: parts.slice(0, i).join("."), block: Number(part) };
    const [, name, number] = numberedName.exec(part) ?? [];
    if (number !== undefined && i < parts.length - 1)
      return { list: [...parts.slice(0, i), name].join("."), block: Number(number) };
  }
  return undefined;
}

/** `blocks` where there is one list; otherwise with what tells the lists apart before it: `encoder.blocks`. */
function listNames(lists: readonly string[]): readonly string[] {
  if (lists.length === 1) return ["blocks"];
  const split = lists.map((list) => list.split("."));
  const shared = split[0]?.findIndex((part, i) => split.some((other) => other[i] !== part)) ?? 0;
  const parents = split.map((parts) => parts.slice(shared, -1));
  return parents.map((parent, i) =>
    parent.length > 0 && parents.filter((other) => other.join(".") === parent.join(".")).length === 1
      ? [...parent, "blocks"].join(".")
      : split[i]!.slice(shared).join("."),
  );
}

/**
 * The hook of a name: its own, its module's (`model.layers.14`, or the end of it), or TransformerLens's (`blocks.14.hook_resid_post`,
 * `blocks.15.hook_resid_pre`, which is the same place).
 */
export function hookCalled(hooks: readonly Hook[], name: string): Hook | undefined {
  const [, before, number, side] = /^(.*blocks)\.(\d+)\.hook_resid_(pre|post)$/.exec(name) ?? [];
  const plain = number === undefined ? name : `${before}.${Number(number) - (side === "pre" ? 1 : 0)}`;
  return (
    hooks.find((hook) => hook.name === plain) ??
    only(hooks.filter(({ module }) => module === plain || module.endsWith(`.${plain}`)))
  );
}

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);

/** For a message: the hooks of names closest to one, by their numbers first. */
export function nearestHooks(hooks: readonly Hook[], name: string): string {
  const block = placeIn(name)?.block ?? 0;
  const far = (hook: Hook) => 100 * Math.abs(hook.block - block) + distance(hook.name, name);
  return [...hooks]
    .sort((a, b) => far(a) - far(b))
    .slice(0, 5)
    .map(showHook)
    .join(", ");
}

/** `blocks.14 (add_107, 576 wide)`. */
export const showHook = ({ name, value, width }: Hook): string => `${name} (${value}, ${width ?? "?"} wide)`;
