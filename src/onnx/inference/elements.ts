/** @file What is known of the elements of small whole-number values: exporters compute the shapes of their Reshapes from these. */
import type { Node } from "../proto.ts";
import { attributeOf, type Inputs, intOf, shapeElements, sliced } from "./rules.ts";
import { type Dim, dimsOf } from "./shape.ts";

type ElementRule = (node: Node, inputs: Inputs) => readonly Dim[] | undefined;

const passed: ElementRule = (_, { elements }) => elements(0);

/** One by one; where one side has a single element, with each of the other. */
const pairs =
  (of: (a: number, b: number) => number, same?: (dim: Dim, number: Dim) => Dim | undefined): ElementRule =>
  (_, { elements }) => {
    const [a, b] = [elements(0), elements(1)];
    if (!a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined;
    return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => {
      const [x, y] = [a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!];
      if (typeof x === "number" && typeof y === "number") return of(x, y);
      return same?.(x, y) ?? same?.(y, x) ?? null;
    });
  };

/** The elements of a node's first output, by op. */
export const elementRules: Readonly<Record<string, ElementRule>> = {
  Identity: passed,
  // Fractions are no sizes.
  Cast: (node, inputs) => ([6, 7].includes(intOf(node, "to", 0)) ? inputs.elements(0) : undefined),
  Squeeze: passed,
  Unsqueeze: passed,
  Reshape: passed,
  Shape: shapeElements,
  Gather(node, { elements, shape }) {
    const [data, indices] = [elements(0), elements(1)];
    if (!data || !indices || dimsOf(shape(0))?.length !== 1 || intOf(node, "axis", 0) > 0) return undefined;
    return indices.map((at) => (typeof at === "number" ? (data.at(at) ?? null) : null));
  },
  Concat({ input }, { elements }) {
    const all = (input ?? []).map((_, i) => elements(i));
    return all.every((one) => one !== undefined) ? all.flatMap((one) => one!) : undefined;
  },
  Slice({ input }, { elements }) {
    const data = elements(0);
    const [start, end] = [elements(1)?.[0], elements(2)?.[0]];
    const step = input?.[4] ? elements(4)?.[0] : 1;
    if (!data || typeof start !== "number" || typeof end !== "number" || typeof step !== "number" || step < 1)
      return undefined;
    const count = sliced(data.length, start, end, step);
    const from = start < 0 ? Math.max(0, start + data.length) : start;
    return typeof count === "number" ? Array.from({ length: count }, (_, i) => data[from + i * step]!) : undefined;
  },
  Mul: pairs(
    (a, b) => a * b,
    (dim, number) => (number === 1 ? dim : undefined),
  ),
  Add: pairs(
    (a, b) => a + b,
    (dim, number) => (number === 0 ? dim : undefined),
  ),
  Sub: pairs((a, b) => a - b),
  Div: pairs((a, b) => Math.trunc(a / b)),
  Equal: pairs(
    (a, b) => Number(a === b),
    (dim, number) => (number === -1 && typeof dim === "string" ? 0 : undefined),
  ),
  Where(_, { elements }) {
    const [which, a, b] = [elements(0), elements(1), elements(2)];
    if (!which || !a || !b || a.length !== which.length || b.length !== which.length) return undefined;
    return which.map((one, i) => (one === 1 ? a[i]! : one === 0 ? b[i]! : null));
  },
  ConstantOfShape(node, { elements }) {
    const count = elements(0);
    const value = attributeOf(node, "value")?.t;
    const [raw] = value?.int64Data?.length ? value.int64Data : [undefined];
    const bytes = value?.rawData;
    if (count?.length !== 1 || typeof count[0] !== "number" || count[0] > 64 || value?.dataType !== 7) return undefined;
    const of =
      raw !== undefined
        ? Number(raw)
        : bytes?.length === 8
          ? Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true))
          : 0;
    return Array.from({ length: count[0] }, () => of);
  },
};
