import { metrics } from "../metrics/index.ts";
import type { AnyJoined, AnyMetric, Measured, Split } from "../metrics/metric.ts";
import type { Made } from "../metrics/variance.ts";
import type { Accumulator } from "./accumulate.ts";
import type { RowTotals } from "./rowTotals.ts";

/** The numbers of an evaluation. */
export interface Conclusion {
  /** A number, or `null` where there is none. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Why there is none, in words, for each key that is `null`. */
  readonly nullReasons: Readonly<Record<string, string>>;
  /** On which rows each key was measured. */
  readonly splits: Readonly<Record<string, Split>>;
  /** Per latent, `[latentDim]` each: `frequency`, `mean_activation`, `max_activation`. */
  readonly latents: Readonly<Record<string, Float64Array>>;
}

/** What was added up: of latents over all rows, and of the validation rows. */
export interface Totals {
  readonly all: Accumulator;
  readonly validation: RowTotals;
}

/** Every metric, from the totals of its split. */
export function conclude(latentDim: number, { all, validation }: Totals): Conclusion {
  const values: Record<string, number | null> = {};
  const nullReasons: Record<string, string> = {};
  const splits: Record<string, Split> = {};
  let latents: Conclusion["latents"] = {};
  const rowsTogether = validation.measured();
  for (const [name, { split, keys, value, perLatent }] of Object.entries<AnyMetric>(metrics)) {
    const { rows } = split === "all" ? all : validation;
    const sums: AnyJoined = { ...all.joined(name), ...validation.joined(name) };
    const measured: Measured = { rows, latentDim, validation: rowsTogether };
    const made: Readonly<Record<string, Made>> = rows > 0 ? value(sums, measured) : {};
    for (const key of Object.keys(keys)) {
      const one = rows === 0 ? `there are no ${split === "all" ? "" : "validation "}rows` : made[key]!;
      splits[key] = split;
      if (typeof one === "number" && Number.isFinite(one)) values[key] = one;
      else {
        values[key] = null;
        nullReasons[key] = typeof one === "string" ? one : notFinite(validation);
      }
    }
    if (perLatent && rows > 0) latents = { ...latents, ...perLatent(sums, measured) };
  }
  return { metrics: values, nullReasons, splits, latents };
}

const notFinite = ({ notFinite: some, rows }: RowTotals): string =>
  `float32 cannot hold what the model gives: NaN or infinity${some > 0 ? ` for ${some} of ${rows} validation rows` : ""}`;
