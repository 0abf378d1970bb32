/** @file `inspect` of a model's values: which are wanted, and how they are printed. */
import { type ListedValue, listValues, weightsOf } from "../onnx/listing.ts";
import type { Model } from "../onnx/proto.ts";
import { scopesOf } from "../onnx/scopes.ts";
import { bytesInWords } from "../util/bytes.ts";
import { visible } from "../util/visible.ts";

/** Which values are wanted. */
export interface WantedValues {
  /** Text in their name, node, op or scope; `*` stands for anything in between. */
  readonly grep?: string | undefined;
  /** Only where an encoder of this width can be attached. */
  readonly width?: number | undefined;
}

/** More lines than this are not read; the numbers are all in the JSON. */
const mostLines = 200;

/** The wanted values of a model. */
export const wantedValues = (model: Model, bytes: Uint8Array, { grep, width }: WantedValues): readonly ListedValue[] =>
  listValues(model, scopesOf(bytes)).filter(
    (one) =>
      (width === undefined || one.width === width) &&
      (grep === undefined || [one.name, one.node, one.op, one.scope].some((text) => text && matches(text, grep))),
  );

/** Whether the pieces of a pattern between its `*` stand in a text, in their order; upper and lower case are one. */
export function matches(text: string, pattern: string): boolean {
  const lower = text.toLowerCase();
  let from = 0;
  for (const piece of pattern.toLowerCase().split("*")) {
    const at = lower.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return true;
}

/** A line each: shape, bytes, what gives it; a star where an encoder can be attached. */
export function valuesText(model: Model, values: readonly ListedValue[]): string {
  const shown = values
    .slice(0, mostLines)
    .map((one) => [
      `${one.width === null ? " " : "*"} ${one.name}`,
      `${one.type ?? "?"}${one.shape ? ` [${one.shape.join(", ")}]` : ""}`,
      one.bytes === null ? "" : bytesInWords(one.bytes),
      [one.op ?? one.kind, one.scope].filter(Boolean).join(" in "),
    ]);
  const widths = [0, 1, 2].map((column) => Math.min(60, Math.max(0, ...shown.map((line) => line[column]!.length))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 2 ? cell.padStart(widths[2]!) : i < 2 ? cell.padEnd(widths[i]!) : cell))
      .join("  ")
      .trimEnd();
  const weights = weightsOf(model);
  const attachable = values.filter(({ width }) => width !== null).length;
  return [
    ...shown.map(line),
    ...(values.length > mostLines
      ? [`... and ${values.length - mostLines} more: --grep or --width narrows the list, --json has all`]
      : []),
    values.length === 0
      ? "no such value"
      : `${values.length} values; * an encoder can be attached there (${attachable}: attach --tensor NAME)`,
    `weights of the whole model: ${weights.tensors} tensors, ${bytesInWords(weights.bytes)}`,
  ]
    .map(visible)
    .join("\n");
}
