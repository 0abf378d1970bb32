import type { Interval } from "../probe/bootstrap.ts";
import type { ProbeFile } from "../probe/file.ts";
import { visible } from "../util/visible.ts";
import { boxed } from "./output.ts";
import { columns, fold } from "./terminal.ts";

/** How each measure is headed. */
const titles: Readonly<Record<string, string>> = {
  auc: "AUC",
  accuracy: "accuracy",
  ece: "ECE",
  brier: "Brier",
  r2: "R2",
};

const short = (value: number): string => value.toFixed(3);
const between = ({ value, low, high }: Interval): string => `${short(value)} (${short(low)} to ${short(high)})`;
const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** The results as a table of plain text, and what to know of them. */
export function probeTable(file: ProbeFile): string {
  const names = Object.keys(file.rows[0]!.measures);
  const [main, ...others] = names as [string, ...string[]];
  const cells = [
    ["features", ...file.rows.map(({ model, features }) => visible([model, features].filter(Boolean).join(": ")))],
    ["number", ...file.rows.map(({ dims }) => String(dims))],
    [titles[main]!, ...file.rows.map(({ measures }) => between(measures[main]!))],
    [
      "kept",
      ...file.rows.map(({ kept }) =>
        kept ? `${percent(kept.value)} (${percent(kept.low)} to ${percent(kept.high)})` : "-",
      ),
    ],
    ["shuffled", ...file.rows.map(({ control }) => short(control))],
    ...others.map((name) => [titles[name]!, ...file.rows.map(({ measures }) => short(measures[name]!.value))]),
  ];
  return [boxed(cells), ...[...notes(file, main)].map((line) => fold(visible(line), columns()))].join("\n");
}

function* notes({ label, data, rows }: ProbeFile, main: string): Generator<string> {
  const groups = data.groups_by === null ? "each row a group of its own" : `${data.groups} groups by ${data.groups_by}`;
  const classes = Object.entries(label.classes ?? {});
  const what =
    label.kind === "number"
      ? "a number (ridge)"
      : `${classes.map(([name, count]) => `${name} ${count}`).join(", ")} rows (logistic${classes.length > 2 ? ", one for each against the rest; means of these" : ""})`;
  yield `label ${label.name}: ${what}. ${data.rows} rows, ${data.folds.length} folds, ${groups}.`;
  const floor = main === "auc" ? "(AUC - .5)" : "R2";
  yield `kept: ${floor} over that of the raw activations. In brackets: 95 %, from 1,000 draws of groups.`;
  if (rows[0]!.kept === null) yield "The raw activations say nothing of this label that could be kept.";
  const unfinished = rows.reduce((sum, row) => sum + row.unfinished, 0);
  if (unfinished > 0) yield `${unfinished} probes did not come to their optimum.`;
}
