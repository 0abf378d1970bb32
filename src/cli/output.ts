import Table from "cli-table3";
import { metricKeys } from "../metrics/index.ts";
import { describeMisfit, type Misfit } from "../onnx/check.ts";
import { kernelProviders } from "../onnx/kernels.ts";
import { belowMeanSentence, isBelowMean } from "../record/belowMean.ts";
import { cautions, lightSentence } from "../record/cautions.ts";
import type { MetricsFile, SaeRecord } from "../record/record.ts";
import { visible } from "../util/visible.ts";

export { note, print } from "./streams.ts";

/** The columns of the table, with the digits each is shown with. */
const columns: readonly (readonly [
  title: string,
  digits: number,
  value: (record: SaeRecord) => number | null | undefined,
])[] = [
  ["latents", 0, (record) => record.latent_dim],
  ["k", 0, (record) => record.k],
  ["L0", 1, ({ metrics }) => metrics.l0_mean],
  ["EV", 3, ({ metrics }) => metrics.explained_variance],
  ["EV centred", 3, ({ metrics }) => metrics.explained_variance_centered],
  ["row FVU", 3, ({ metrics }) => metrics.row_fvu_mean],
  ["death", 3, ({ metrics }) => metrics.feature_death_rate],
  ["active", 0, ({ metrics }) => metrics.num_active_features],
  ["loss", 4, ({ metrics }) => metrics.reconstruction_loss],
  ["mean act", 2, ({ metrics }) => metrics.mean_activation],
  ["max act", 2, ({ metrics }) => metrics.max_activation],
  ["seconds", 1, (record) => record.train_time_sec],
];

/** A number with so many digits behind the point, or as a power of ten where it would be too long or come out as 0. */
function shortNumber(value: number | null | undefined, digits: number): string {
  if (value == null) return "-";
  const size = Math.abs(value);
  const isLost = digits !== 3 && size > 0 && size < 0.5 * 10 ** -digits;
  return size >= 1e7 || isLost ? value.toExponential(3) : value.toFixed(digits);
}

/** The records as a table of plain text; a star marks an explained variance that predicting the mean row beats. */
export function table(records: readonly SaeRecord[]): string {
  const made = new Table({
    head: ["SAE", ...columns.map(([title]) => title)],
    colAligns: ["left", ...columns.map(() => "right" as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const record of records)
    made.push([
      visible(record.name),
      ...columns.map(([title, digits, value]) => {
        const text = shortNumber(value(record), digits);
        return title === "EV centred" && isBelowMean(record) ? `${text}*` : text;
      }),
    ]);
  return made.toString();
}

/** What the most important number must be compared with, which SAEs do not pass, and what else to know of the numbers. */
export function baseline(file: MetricsFile): string {
  const records = file.rows;
  const floor = records.find(({ metrics }) => metrics.mean_predictor_explained_variance != null)?.metrics
    .mean_predictor_explained_variance;
  const isCentred = records.some(({ metrics }) => metrics.mean_predictor_explained_variance_centered != null);
  const below = belowMeanSentence(records.filter(isBelowMean).map(({ name }) => name));
  const compared =
    floor == null
      ? ""
      : `EV of always predicting the mean row: ${floor.toFixed(3)}${isCentred ? " (centred: 0)" : ""}. ${metricKeys.explained_variance!.label} and loss are of the validation rows, death of all rows.`;
  const light = compared && lightSentence(records);
  return [[compared, light].filter(Boolean).join(" "), below && `* ${below}`, ...cautions(file)]
    .filter(Boolean)
    .map(visible)
    .join("\n");
}

/** How a graph fits each provider: one line each, and one for every node that does not. */
export const fitTable = (file: string, misfits: readonly Misfit[]): string =>
  [
    file,
    ...kernelProviders.flatMap((provider) => {
      const own = misfits.filter((one) => one.provider === provider);
      const nodes = own.length === 1 ? "1 node does not fit:" : `${own.length} nodes do not fit:`;
      const verdict = own.length === 0 ? "all nodes have a kernel" : nodes;
      return [`  ${provider}: ${verdict}`, ...own.map((one) => `    ${describeMisfit(one)}`)];
    }),
  ]
    .map(visible)
    .join("\n");
