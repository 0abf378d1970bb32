import Table from "cli-table3";
import { metricKeys } from "../metrics/index.ts";
import { describeMisfit, type Misfit } from "../onnx/check.ts";
import { kernelProviders } from "../onnx/kernels.ts";
import type { MetricRow } from "../record/row.ts";
import { visible } from "../util/visible.ts";

export { note, print } from "./streams.ts";

/** The columns of the table, with the digits each is shown with. */
const columns: readonly (readonly [
  title: string,
  digits: number,
  value: (row: MetricRow) => number | null | undefined,
])[] = [
  ["latents", 0, (row) => row.latent_dim],
  ["k", 0, (row) => row.k],
  ["EV", 3, (row) => row.metrics.explained_variance],
  ["EV centred", 3, (row) => row.metrics.explained_variance_centered],
  ["death", 3, (row) => row.metrics.feature_death_rate],
  ["active", 0, (row) => row.metrics.num_active_features],
  ["loss", 4, (row) => row.metrics.reconstruction_loss],
  ["mean act", 2, (row) => row.metrics.mean_activation],
  ["max act", 2, (row) => row.metrics.max_activation],
  ["seconds", 1, (row) => row.train_time_sec],
];

/** The rows as a table of plain text. */
export function table(rows: readonly MetricRow[]): string {
  const made = new Table({
    head: ["SAE", ...columns.map(([title]) => title)],
    colAligns: ["left", ...columns.map(() => "right" as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows)
    made.push([visible(row.name), ...columns.map(([, digits, value]) => value(row)?.toFixed(digits) ?? "-")]);
  return made.toString();
}

/** One line of what the most important number must be compared with. */
export function baseline(rows: readonly MetricRow[]): string {
  const floor = rows.find((row) => row.metrics.mean_predictor_explained_variance != null)?.metrics
    .mean_predictor_explained_variance;
  return floor == null
    ? ""
    : `EV of always predicting the mean row: ${floor.toFixed(3)} (centred: 0). ${metricKeys.explained_variance!.label} and loss are of the validation rows, death of all rows.`;
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
