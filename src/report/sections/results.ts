import { type Configuration, distinct, meanOf, panelsOf } from "../configurations.ts";
import { type Block, heading, subheading, type Table, tableBlock, tableOf } from "../document.ts";
import { formatNumber, formatValue, listed, noValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { spreadOf } from "../stats.ts";
import type { ReportInputs } from "./inputs.ts";

/** More grids than this have their numbers in the table of all rows only. */
const mostPanels = 4;

/** The tables of the experiment's report and the figures that go with them. */
export function results({ configurations, figures }: ReportInputs): Block[] {
  const panels = panelsOf(configurations);
  const figure = (prefix: string): Block[] =>
    figures.filter(({ name }) => name.startsWith(prefix)).map((one) => ({ kind: "figure", ...one }));
  const tables = (make: (all: readonly Configuration[]) => readonly [string, Table] | null): Block[] =>
    (panels.length > mostPanels ? [] : panels).flatMap((panel) => {
      const made = make(configurations.filter((one) => one.panel === panel));
      return made && made[1].rows.length > 0 ? [tableBlock([panel, made[0]].filter(Boolean).join(": "), made[1])] : [];
    });
  const sections: readonly (readonly [string, readonly Block[]])[] = [
    [
      "Quality against sparsity",
      [...figure("heatmap_explained_variance"), ...figure("layers_explained_variance"), ...tables(qualityTable)],
    ],
    [
      "Feature utilization",
      [...figure("heatmap_feature_death_rate"), ...figure("layers_feature_death_rate"), ...tables(deathTable)],
    ],
    [
      "Activation magnitudes",
      [
        ...figure("heatmap_mean_activation"),
        ...figure("heatmap_max_activation"),
        ...figure("layers_mean_activation"),
        ...tables(magnitudeTable),
      ],
    ],
    ["Reconstruction", [...figure("heatmap_reconstruction_loss"), ...figure("layers_reconstruction_loss")]],
    ["Training", figure("loss_curves")],
    ["Latents", figure("latent")],
  ];
  const filled = sections.filter(([, blocks]) => blocks.length > 0);
  return [heading("Results"), ...filled.flatMap(([title, blocks]) => [subheading(title), ...blocks])];
}

/** Explained variance by k and dictionary size, with the gain from the smallest to the largest in percentage points. */
function qualityTable(all: readonly Configuration[]): readonly [string, Table] | null {
  const key = "explained_variance";
  const dims = distinct(all, "latent_dim");
  const [first, last] = [dims[0], dims.at(-1)];
  const table = byK(all, key, (value) => formatValue(key, value));
  if (!table || dims.length < 2) return table && [`Explained variance${floor(all)}`, table];
  const gains = distinct(all, "k").map((k) => {
    const [a, b] = [first, last].map((dim) => cell(all, k, dim!, key));
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
  const active = (k: number | null, dim: number) =>
    formatValue("num_active_features", cell(all, k, dim, "num_active_features"));
  const table = byK(all, key, (value, k, dim) => {
    const alive = active(k, dim);
    return `${formatNumber(".1%", value)}${value !== null && alive !== formatNumber("", null) ? ` (${alive})` : ""}`;
  });
  return table && [`${infoOf(key).label} (active features)`, table];
}

/** Mean ± standard deviation over dictionary sizes, for each k. */
function magnitudeTable(all: readonly Configuration[]): readonly [string, Table] | null {
  const keys = ["mean_activation", "max_activation"].filter((key) => all.some((one) => meanOf(one, key) !== null));
  if (keys.length === 0) return null;
  const rows = distinct(all, "k").map((k) => [
    formatValue("k", k),
    ...keys.map((key) => {
      const { mean, sd } = spreadOf(all.filter(({ row }) => row.k === k).map((one) => meanOf(one, key)));
      return sd === null ? formatValue(key, mean) : `${formatValue(key, mean)} ± ${formatValue(key, sd)}`;
    }),
  ]);
  const caption =
    "Magnitudes: mean ± sample standard deviation over dictionary sizes. Across k they are no measure of strength where decoder rows are not kept at unit length";
  return [caption, tableOf([">k", ...keys.map((key) => `>${infoOf(key).label}`)], rows)];
}

/** k down, dictionary sizes across; `null` where nothing was measured. */
function byK(
  all: readonly Configuration[],
  key: string,
  format: (value: number | null, k: number | null, dim: number) => string,
): Table | null {
  if (!all.some((one) => meanOf(one, key) !== null)) return null;
  const dims = distinct(all, "latent_dim");
  const rows = distinct(all, "k").map((k) => [
    formatValue("k", k),
    ...dims.map((dim) => format(cell(all, k, dim, key), k, dim)),
  ]);
  return tableOf([">k", ...dims.map((dim) => `>d=${dim}`)], rows);
}

function cell(all: readonly Configuration[], k: number | null, dim: number, key: string): number | null {
  const one = all.find(({ row }) => row.k === k && row.latent_dim === dim);
  return one ? meanOf(one, key) : null;
}
