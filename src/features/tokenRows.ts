import type { Label } from "../data/labels.ts";
import { FactsBuilder, type RowFacts } from "./facts.ts";

/** Rows that are the tokens of texts, one text after the other. */
export interface TokenRows {
  readonly facts: RowFacts;
  readonly labels: readonly Label[];
}

/** What is known of rows where each is a token of some texts: its text, place and token. All count as training rows. */
export function tokenRows(texts: readonly (readonly string[])[]): TokenRows {
  const labels = texts.flatMap((tokens, text) =>
    tokens.map(
      (token, position): Label => ({
        ...{ text_id: text, position, token },
        ...(position === 0 ? { tokens, text: tokens.join("").trim() } : {}),
      }),
    ),
  );
  return { facts: factsOf(labels, new Uint8Array(labels.length), {}), labels };
}

/** What labels in memory and columns say of rows; `vocabulary` writes token ids out. */
export function factsOf(
  labels: readonly Label[] | undefined,
  validation: Uint8Array,
  columns: Readonly<Record<string, ArrayLike<number>>>,
  vocabulary?: readonly string[],
): RowFacts {
  const builder = new FactsBuilder({
    ...{ validation, columns, vocabulary },
    labels: labels && ((rows) => Array.from(rows, (row) => labels[row] ?? null)),
  });
  for (const [row, label] of (labels ?? []).entries()) builder.addLabel(row, label);
  return builder.finish();
}
