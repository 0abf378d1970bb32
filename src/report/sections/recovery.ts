import { groupBy } from "../../util/group.ts";
import { sections } from "../charts/chart.ts";
import { type Configuration, dataGroup, meanOf } from "../configurations.ts";
import { type Block, heading, list, tableBlock, tableOf, text } from "../document.ts";
import { formatValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { figuresIn, type ReportInputs } from "./inputs.ts";

const keys = ["recovered_features", "mean_max_cosine", "mcc", "uniqueness"] as const;
/** Only where the data say which features are in each row. */
const ofRows = ["feature_precision", "feature_recall", "feature_f1", "absorption_rate"] as const;

/** How much of a known dictionary was found, where the activations were made from one; nothing elsewhere. */
export function recovery(inputs: ReportInputs): Block[] {
  const all = inputs.configurations;
  const measured = all.filter((one) => keys.some((key) => meanOf(one, key) !== null));
  const figures = figuresIn("recovery", inputs);
  if (measured.length === 0 && figures.length === 0) return [];
  const told = [...keys, ...ofRows].filter((key) => measured.some((one) => meanOf(one, key) !== null));
  const shown = [...told, "num_active_features", "explained_variance"];
  const rows = measured.map((one) => [one.label, ...shown.map((key) => formatValue(key, meanOf(one, key)))]);
  const columns = shown.map((key) => `>${infoOf(key).label}`);
  return [
    heading(sections.recovery),
    text(
      "The activations are synthetic and the dictionary they were made from is known, so it can be said how much of it an SAE found. A true feature counts as recovered when the decoder row of some latent that fires points along it; how closely it must is in the definition of `recovered_features` below.",
    ),
    list(recoverySentences(measured)),
    ...figures,
    tableBlock("", tableOf(["Configuration", ...columns], rows)),
  ];
}

/** Which SAE found most of the known dictionary, one sentence for each set of activations; none without one. */
export function recoverySentences(all: readonly Configuration[]): string[] {
  const groups = groupBy(
    all.filter((one) => meanOf(one, "recovered_features") !== null),
    dataGroup,
  );
  return [...groups].map(([group, members]) => {
    const sorted = members.toSorted((a, b) => found(b) - found(a));
    const [most, least] = [sorted[0]!, sorted.at(-1)!];
    const of = (one: Configuration) => `${formatValue("recovered_features", found(one))} (${one.label})`;
    const range =
      found(most) > found(least)
        ? `from ${of(least)} to ${of(most)}`
        : `${formatValue("recovered_features", found(most))}${members.length > 1 ? " throughout" : ""}`;
    return `Synthetic data${groups.size > 1 ? ` at ${group}` : ""}: true features recovered ${range}.`;
  });
}

const found = (one: Configuration): number => meanOf(one, "recovered_features")!;
