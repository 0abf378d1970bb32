import Table from "cli-table3";
import { metricKeys } from "../metrics/index.ts";
import { describeMisfit, type Misfit } from "../onnx/check.ts";
import { kernelProviders } from "../onnx/kernels.ts";
import { belowMeanSentence, isBelowMean } from "../record/belowMean.ts";
import { chanceSentence } from "../record/beyondChance.ts";
import { cautions, lightSentence } from "../record/cautions.ts";
import type { MetricsFile, SaeRecord } from "../record/record.ts";
import { visible } from "../util/visible.ts";
import { fold, showsBoxes, columns as terminalColumns } from "./terminal.ts";

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

/**
 * The records as a table of plain text; a star marks an explained variance that predicting the mean row beats. Where it is wider
 * than the terminal, it is as many tables as it takes, each with the names.
 */
export function table(records: readonly SaeRecord[], width = terminalColumns()): string {
  const names = ["SAE", ...records.map(({ name }) => visible(name))];
  const cells = columns.map(([title, digits, value]) => [
    title,
    ...records.map((record) => {
      const text = shortNumber(value(record), digits);
      return title === "EV centred" && isBelowMean(record) ? `${text}*` : text;
    }),
  ]);
  return besideEachOther(names, cells, width)
    .map((group) => boxed([names, ...group]))
    .join("\n");
}

/** Columns in groups that fit the width with the names before them, one column at least in each. */
function besideEachOther(names: readonly string[], cells: readonly string[][], width = Number.POSITIVE_INFINITY) {
  // A blank on both sides, and a line before it.
  const widthOf = (column: readonly string[]) => Math.max(...column.map(({ length }) => length)) + 3;
  const groups: string[][][] = [[]];
  let used = widthOf(names) + 1;
  for (const column of cells) {
    if (used + widthOf(column) > width && groups.at(-1)!.length > 0) {
      groups.push([]);
      used = widthOf(names) + 1;
    }
    used += widthOf(column);
    groups.at(-1)!.push(column);
  }
  return groups;
}

/** A table of columns, each with its title first. */
export function boxed(all: readonly (readonly string[])[]): string {
  const rows = all[0]!.map((_, i) => all.map((column) => column[i]!));
  const made = new Table({
    head: rows[0]!,
    colAligns: ["left", ...all.slice(1).map(() => "right" as const)],
    style: { head: [], border: [], compact: true },
    chars: showsBoxes() ? {} : plainLines,
  });
  made.push(...rows.slice(1));
  return made.toString();
}

/** Lines of a table for a terminal of ASCII. */
const plainLines = {
  ...{ top: "-", "top-mid": "+", "top-left": "+", "top-right": "+" },
  ...{ bottom: "-", "bottom-mid": "+", "bottom-left": "+", "bottom-right": "+" },
  ...{ left: "|", "left-mid": "+", mid: "-", "mid-mid": "+", right: "|", "right-mid": "+", middle: "|" },
};

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
  const chance = chanceSentence(records, (i) => records[i]!.name);
  return [[compared, light].filter(Boolean).join(" "), chance, below && `* ${below}`, ...cautions(file)]
    .filter(Boolean)
    .map((line) => fold(visible(line), terminalColumns()))
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
