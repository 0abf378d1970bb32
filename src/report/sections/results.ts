import { groupBy } from "../../util/group.ts";
import { axisName } from "../axes.ts";
import { type SectionName, sections } from "../charts/chart.ts";
import { type Configuration, meanOf, placesOn } from "../configurations.ts";
import { type Block, heading, subheading, type Table, tableBlock, tableOf, text } from "../document.ts";
import { formatNumber, formatValue, listed, noValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { spreadOf } from "../stats.ts";
import { findings } from "./finding.ts";
import { figuresIn, type ReportInputs } from "./inputs.ts";

/** A table of more cells is not read; its numbers are in the table of all rows too. */
const mostCells = 2000;

/** More grids than this have their numbers in the table of all rows only. */
const mostPanels = 4;

type MakeTable = (all: readonly Configuration[]) => readonly [string, Table] | null;

/** The sections of the results in order, each with its tables; its figures are the charts that name it. */
const parts: readonly (readonly [SectionName, ...MakeTable[]])[] = [
  ["quality", qualityTable],
  ["utilization", deathTable],
  ["magnitudes", magnitudeTable],
  ["reconstruction"],
  ["training"],
  ["latents"],
];

/** The tables of the experiment's report and the figures that go with them. */
export function results(inputs: ReportInputs): Block[] {
  const { configurations } = inputs;
  const panels = [...groupBy(configurations, ({ panel }) => panel)];
  const tables = (make: MakeTable): Block[] =>
    (panels.length > mostPanels ? [] : panels).flatMap(([panel, members]) => {
      const made = make(members);
      return made && made[1].rows.length > 0 ? [tableBlock([panel, made[0]].filter(Boolean).join(": "), made[1])] : [];
    });
  return [
    heading("Results"),
    ...parts.flatMap(([section, ...makers]) => {
      const blocks = [...figuresIn(section, inputs), ...makers.flatMap(tables)];
      if (blocks.length === 0) return [];
      const finding = findings[section]?.(inputs);
      return [subheading(sections[section]), ...(finding ? [text(finding)] : []), ...blocks];
    }),
  ];
}

/** Explained variance in the plane, with the gain from the smallest to the largest dictionary in percentage points. */
function qualityTable(all: readonly Configuration[]): readonly [string, Table] | null {
  const key = "explained_variance";
  const table = inPlane(all, key, (one) => formatValue(key, meanOf(one, key)));
  const dims = all[0]?.axes.y === "latent_dim" ? placesOn("y", all) : [];
  const [first, last] = [dims[0], dims.at(-1)];
  if (!table || dims.length < 2) return table && [`Explained variance${floor(all)}`, table];
  const at = cellsOf(all);
  const gains = placesOn("x", all).map((x) => {
    const [a, b] = [first, last].map((y) => at(x, y!)).map((one) => (one ? meanOf(one, key) : null));
    return typeof a === "number" && typeof b === "number"
      ? formatNumber("+.1f", (b - a) * 100)
      : formatNumber("", null);
  });
  const columns = [...table.columns, { label: `Gain ${first} → ${last} (pp)`, align: "right" as const }];
  return [
    `Explained variance; gain in percentage points${floor(all)}`,
    { columns, rows: table.rows.map((row, index) => [...row, gains[index]!]) },
  ];
}

/** What no explained variance should be read without: the score of predicting the mean row. */
function floor(all: readonly Configuration[]): string {
  const key = "mean_predictor_explained_variance";
  const values = new Set(all.map((one) => formatValue(key, meanOf(one, key))).filter((value) => value !== noValue));
  return values.size > 0 ? `; predicting the mean row scores ${listed([...values])}` : "";
}

function deathTable(all: readonly Configuration[]): readonly [string, Table] | null {
  const key = "feature_death_rate";
  const table = inPlane(all, key, (one) => {
    const [rate, active] = [meanOf(one, key), meanOf(one, "num_active_features")];
    const alive = rate === null || active === null ? "" : ` (${formatValue("num_active_features", active)})`;
    return `${formatNumber(".1%", rate)}${alive}`;
  });
  return table && [`${infoOf(key).label} (active features)`, table];
}

/** Mean ± standard deviation over what stands down, for each place across. */
function magnitudeTable(all: readonly Configuration[]): readonly [string, Table] | null {
  const keys = ["mean_activation", "max_activation"].filter((key) => all.some((one) => meanOf(one, key) !== null));
  if (keys.length === 0) return null;
  const { x: across, y: down } = all[0]!.axes;
  const columns = groupBy(all, ({ x }) => x);
  const rows = placesOn("x", all).map((x) => [
    x,
    ...keys.map((key) => {
      const { mean, sd } = spreadOf(columns.get(x)!.map((one) => meanOf(one, key)));
      return sd === null ? formatValue(key, mean) : `${formatValue(key, mean)} ± ${formatValue(key, sd)}`;
    }),
  ]);
  const over = down === "latent_dim" ? "dictionary sizes" : axisName(down);
  const caption = `Magnitudes: mean ± sample standard deviation over ${over}. Across ${axisName(across)} they are no measure of strength where decoder rows are not kept at unit length`;
  return [caption, tableOf([`>${axisName(across)}`, ...keys.map((key) => `>${infoOf(key).label}`)], rows)];
}

/** The plane as a table, its axis across (k) down the side; `null` where nothing was measured. */
function inPlane(all: readonly Configuration[], key: string, format: (one: Configuration) => string): Table | null {
  if (!all.some((one) => meanOf(one, key) !== null)) return null;
  const { x: across, y: down } = all[0]!.axes;
  const [xs, ys] = [placesOn("x", all), placesOn("y", all)];
  if (xs.length * ys.length > mostCells) return null;
  const at = cellsOf(all);
  const rows = xs.map((x) => [
    x,
    ...ys.map((y) => {
      const one = at(x, y);
      return one ? format(one) : noValue;
    }),
  ]);
  const head = ys.map((y) => (down === "latent_dim" ? `>d=${y}` : `>${axisName(down)} ${y}`));
  return tableOf([`>${axisName(across)}`, ...head], rows);
}

/** The first configuration at each place of the plane. */
function cellsOf(all: readonly Configuration[]): (x: string, y: string) => Configuration | undefined {
  const cells = groupBy(all, ({ x, y }) => JSON.stringify([x, y]));
  return (x, y) => cells.get(JSON.stringify([x, y]))?.[0];
}
