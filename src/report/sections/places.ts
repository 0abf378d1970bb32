import { sections } from "../charts/chart.ts";
import { type Configuration, distinct, meanOf } from "../configurations.ts";
import { type Block, heading, list, tableBlock, tableOf } from "../document.ts";
import { formatNumber, formatValue, noValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { aliveOf, bestByPlace, degenerate, type Place, qualityKey, rankCorrelation } from "../places.ts";
import { figuresIn, type ReportInputs } from "./inputs.ts";

/** The best SAE of each layer and position, which of them only look good, and how the best changes with the layer; nothing for one place. */
export function places(inputs: ReportInputs): Block[] {
  const all = inputs.configurations;
  const key = qualityKey(all);
  const found = bestByPlace(all, key);
  const figures = figuresIn("places", inputs);
  if (found.length === 0) return figures.length === 0 ? [] : [heading(sections.places), ...figures];
  const label = infoOf(key).label;
  const rows = found.map(({ layer, position, best, sound }) => {
    const why = degenerate(best);
    return [
      ...[String(layer), String(position), settingsOf(best), formatValue(key, meanOf(best, key)), alive(best)],
      why === undefined ? "" : `degenerate: ${why}`,
      ...(why === undefined ? ["the same", ""] : [sound ? settingsOf(sound) : "none", value(sound, key)]),
    ];
  });
  const columns = [
    ">Layer",
    ">Position",
    "Best",
    `>${label}`,
    ">Alive",
    "Flag",
    "Best that is sound",
    `>${label} of it`,
  ];
  return [
    heading(sections.places),
    list([...flagSentence(found), ...trendSentences(all, found, key)]),
    ...figures,
    tableBlock(
      `The SAE with the highest ${label.toLowerCase()} at each layer and position. It is degenerate where at most twice as many latents are alive as a row keeps, or where the mean row alone explains 99 % of the variance: then the score says little of the SAE.`,
      tableOf(columns, rows),
    ),
  ];
}

/** What an SAE is besides its place. */
const settingsOf = ({ cell, parts }: Configuration): string =>
  [cell, ...parts.filter(({ key }) => key !== "layer" && key !== "position").map(({ text }) => text)]
    .filter(Boolean)
    .join(", ");

const value = (one: Configuration | undefined, key: string) => (one ? formatValue(key, meanOf(one, key)) : noValue);
const alive = (one: Configuration) => {
  const count = aliveOf(one);
  return count === null ? noValue : formatNumber(".0f", count);
};

function flagSentence(found: readonly Place[]): string[] {
  const flagged = found.filter(({ best }) => degenerate(best) !== undefined);
  if (flagged.length === 0) return [];
  const some = flagged.slice(0, 6).map(({ layer, position }) => `layer ${layer}, position ${position}`);
  const more = flagged.length > some.length ? ` and ${flagged.length - some.length} more` : "";
  return [
    `**The best score is degenerate at ${flagged.length} of ${found.length} places: ${some.join("; ")}${more}.**`,
  ];
}

/** How the mean over positions changes with the layer. */
function trendSentences(all: readonly Configuration[], found: readonly Place[], key: string): string[] {
  const layers = distinct(all, "layer").flatMap((layer) => layer ?? []);
  const at = (of: (place: Place) => number | null) =>
    layers.flatMap((layer) => {
      const values = found.filter((one) => one.layer === layer).flatMap((one) => of(one) ?? []);
      return values.length === 0 ? [] : [[layer, values.reduce((a, b) => a + b, 0) / values.length] as const];
    });
  return [key, "feature_death_rate"].flatMap((one) => {
    const points = at(({ sound }) => (sound ? meanOf(sound, one) : null));
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const correlation = rankCorrelation(xs, ys);
    if (correlation === null) return [];
    const trend =
      Math.abs(correlation) < 0.5 ? "shows no clear trend over" : correlation < 0 ? "falls with" : "rises with";
    return [
      `${infoOf(one).label} of the best sound SAEs ${trend} the layers: Spearman ${formatNumber(".2f", correlation)} over ${xs.length} of them, ${formatValue(one, ys[0]!)} at layer ${xs[0]} and ${formatValue(one, ys.at(-1)!)} at layer ${xs.at(-1)}, means over positions.`,
    ];
  });
}
