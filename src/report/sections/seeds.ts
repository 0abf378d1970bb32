import { groupBy } from "../../util/group.ts";
import { axisName } from "../axes.ts";
import { type Configuration, placesOn, valuesOf } from "../configurations.ts";
import { type Block, heading, list, tableBlock, tableOf, text } from "../document.ts";
import { formatNumber, formatValue, listed } from "../format.ts";
import { infoOf } from "../keys.ts";
import { type Difference, differenceOf } from "../stats.ts";
import { seedsTable } from "../table.ts";
import type { ReportInputs } from "./inputs.ts";

const keys = [
  "explained_variance",
  "explained_variance_centered",
  "feature_death_rate",
  "mean_activation",
  "reconstruction_loss",
  "shared_features_70",
  "shared_features_90",
];

/** Two configurations that differ in one size only, and what lies between their means. */
export interface Comparison {
  readonly from: Configuration;
  readonly to: Configuration;
  readonly key: string;
  readonly difference: Difference;
}

/** What the page says where every configuration has one seed. */
const oneSeed =
  "One seed each: no spread was measured, so small differences cannot be told from seed noise. Train with `--seeds 0,1,2` to measure it.";

/** Means and spreads over seeds, and in words which differences stand out from them; a sentence where there is one seed only. */
export function seeds({ configurations }: ReportInputs): Block[] {
  if (configurations.every((one) => one.records.length < 2)) return [heading("Seeds"), text(oneSeed)];
  const measured = keys.filter((key) => configurations.some((one) => valuesOf(one, key).sd !== null));
  const compared = ["explained_variance", "feature_death_rate"].flatMap((key) => comparisons(configurations, key));
  return [
    heading("Seeds"),
    tableBlock("Mean ± sample standard deviation over seeds", seedsTable(configurations, measured)),
    ...(compared.length > 0
      ? [
          text(
            "Rule: a difference of means below twice its standard error over seeds, sqrt(s₁²/n₁ + s₂²/n₂), is not distinguishable from seed noise. With two seeds a side noise alone exceeds that about one time in five, with three one in nine.",
          ),
          list(noiseSentences(compared)),
          tableBlock(
            `Larger dictionary against the next smaller, equal ${axisName(configurations[0]!.axes.x)}`,
            comparisonTable(compared),
          ),
        ]
      : []),
  ];
}

/** At every k (or what else stands across), each dictionary size against the next smaller, where both have several seeds. */
export function comparisons(all: readonly Configuration[], key: string): readonly Comparison[] {
  const bySize = all.filter((one) => one.axes.y === "latent_dim");
  return [...groupBy(bySize, ({ panel }) => panel).values()].flatMap((inPanel) => {
    const columns = groupBy(inPanel, ({ x }) => x);
    const byColumn = placesOn("x", inPanel).map((x) =>
      columns.get(x)!.toSorted((a, b) => a.record.latent_dim - b.record.latent_dim),
    );
    return byColumn
      .flatMap((column) => column.slice(1).map((to, index) => ({ from: column[index]!, to })))
      .flatMap(({ from, to }) => {
        const difference = differenceOf(valuesOf(to, key), valuesOf(from, key));
        return difference ? [{ from, to, key, difference }] : [];
      });
  });
}

/** One sentence a metric: how many differences are noise, and which. */
function noiseSentences(compared: readonly Comparison[]): string[] {
  return [...new Set(compared.map(({ key }) => key))].map((key) => {
    const of = compared.filter((one) => one.key === key);
    const noise = of.filter(({ difference }) => !difference.distinguishable);
    const label = infoOf(key).label;
    if (noise.length === 0) return `${label}: all ${of.length} differences stand out from seed noise.`;
    const named = noise.map(
      ({ from, to, difference }) =>
        `${from.cell} to d=${to.record.latent_dim} (${signed(difference.value)}, standard error ${formatNumber(".2g", difference.standardError)})`,
    );
    return `${label}: ${noise.length} of ${of.length} differences are not distinguishable from seed noise: ${listed(named, 8)}.`;
  });
}

const comparisonTable = (compared: readonly Comparison[]) =>
  tableOf(
    ["From", "To", "Metric", ">Means", ">Difference", ">Standard error", "Verdict"],
    compared.map(({ from, to, key, difference }) => [
      from.label,
      to.label,
      infoOf(key).label,
      `${formatValue(key, valuesOf(from, key).mean)} → ${formatValue(key, valuesOf(to, key).mean)}`,
      signed(difference.value),
      formatNumber(".4f", difference.standardError),
      difference.distinguishable ? "stands out" : "not distinguishable from seed noise",
    ]),
  );

const signed = (value: number) => formatNumber("+.4f", value);
