import type { SaeRecord } from "./record.ts";

/** Whether an SAE reconstructs worse than one row does, the mean of all. */
export const isBelowMean = ({ metrics }: Pick<SaeRecord, "metrics">): boolean =>
  (metrics.explained_variance_centered ?? 0) < 0;

/** One sentence that names the SAEs below the mean predictor; empty where there is none. */
export function belowMeanSentence(names: readonly string[], most = 6): string {
  if (names.length === 0) return "";
  const shown = names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} more`] : names;
  return `Below the mean predictor: ${shown.join(", ")}. Always predicting the mean row has a smaller error.`;
}
