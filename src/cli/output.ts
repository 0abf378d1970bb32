import Table from "cli-table3";
import { metricKeys } from "../metrics/index.ts";
import { describeMisfit, type Misfit } from "../onnx/check.ts";
import { kernelProviders } from "../onnx/kernels.ts";
import { belowMeanSentence, isBelowMean } from "../record/belowMean.ts";
import { chanceSentence } from "../record/beyondChance.ts";
import type { SaeRecord } from "../record/record.ts";
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
  ["death", 3, ({ metrics }) => metrics.feature_death_rate],
  ["active", 0, ({ metrics }) => metrics.num_active_features],
  ["loss", 4, ({ metrics }) => metrics.reconstruction_loss],
  ["mean act", 2, ({ metrics }) => metrics.mean_activation],
  ["max act", 2, ({ metrics }) => metrics.max_activation],
  ["seconds", 1, (record) => record.train_time_sec],
];

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
        const text = value(record)?.toFixed(digits) ?? "-";
        return title === "EV centred" && isBelowMean(record) ? `${text}*` : text;
      }),
    ]);
  return made.toString();
}

/** What the most important number must be compared with, and which SAEs do not pass. */
export function baseline(records: readonly SaeRecord[]): string {
  const floor = records.find(({ metrics }) => metrics.mean_predictor_explained_variance != null)?.metrics
    .mean_predictor_explained_variance;
  const below = belowMeanSentence(records.filter(isBelowMean).map(({ name }) => name));
  const compared =
    floor == null
      ? ""
      : `EV of always predicting the mean row: ${floor.toFixed(3)} (centred: 0). ${metricKeys.explained_variance!.label} and loss are of the validation rows, death of all rows.`;
  const chance = chanceSentence(records, (i) => records[i]!.name);
  return [compared, chance, below && `* ${below}`].filter(Boolean).join("\n");
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
