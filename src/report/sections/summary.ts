import { belowMeanSentence, isBelowMean } from "../../record/belowMean.ts";
import { chanceSentence } from "../../record/beyondChance.ts";
import { cautions } from "../../record/cautions.ts";
import { groupBy } from "../../util/group.ts";
import { type Configuration, dataGroup, meanOf, valuesOf } from "../configurations.ts";
import { type Block, heading, list, tableBlock, tableOf, text } from "../document.ts";
import { formatNumber, formatValue, noValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { recommend } from "../recommend.ts";
import { extentOf } from "../stats.ts";
import { rangeSentence } from "./finding.ts";
import type { ReportInputs } from "./inputs.ts";
import { recoverySentences } from "./recovery.ts";

/** More sets of activations than this are summed up, not gone through. */
const mostGroups = 4;

/** What the numbers say in a few sentences, then what to take for which use, with the rule that chose it. */
export function summary({ file, configurations, pareto }: ReportInputs): Block[] {
  const groups = groupBy(configurations, dataGroup);
  const shown = groups.size > mostGroups ? [] : [...groups];
  return [
    heading("Summary"),
    list([
      ...(file.data.synthetic ? ["The activations are **synthetic**: generated, not a language model's."] : []),
      ...rangeSentences(configurations),
      ...(configurations.length > 1 ? [paretoSentence(pareto)] : []),
      ...baselineSentence(configurations),
      ...belowMean(configurations),
      ...cautions(file).map((sentence) => `**${sentence}**`),
      ...chance(configurations),
      ...recoverySentences(configurations),
    ]),
    ...(groups.size > mostGroups
      ? [
          text(
            `${groups.size} sets of activations (layers, positions): recommendations are made for at most ${mostGroups}; report fewer files at once to get them.`,
          ),
        ]
      : []),
    ...shown.flatMap(([group, members]) => recommendations(groups.size > 1 ? group : "", members)),
  ];
}

/** What to take, by rules that stand beside it; the experiment's rules are called its own. */
function recommendations(group: string, members: readonly Configuration[]): Block[] {
  const { by, all, leftOut } = recommend(members);
  const where = group ? ` at ${group}` : "";
  if (all.length === 0)
    return leftOut === 0
      ? []
      : [
          text(
            `Nothing is recommended${where}: ${leftOut === 1 ? "the one SAE has" : `all ${leftOut} SAEs have`} too many dead latents, or are no better than chance.`,
          ),
        ];
  const rows = all.map(({ use, rule, chosen, because }) => [
    `**${use}**`,
    chosen ? chosen.label : "none",
    chosen
      ? because
          .filter((key) => meanOf(chosen, key) !== null)
          .map((key) => `${lowered(infoOf(key).label)} ${formatValue(key, meanOf(chosen, key))}`)
          .join(", ")
      : noValue,
    rule,
  ]);
  const caption =
    by === "experiment"
      ? `What to take${where} by the experiment's own rules, which look at no dead latents: each choice is computed by the rule beside it.`
      : `What to take${where}: each choice is computed by the rule beside it.${leftOut > 0 ? ` Left out: ${leftOut} of ${members.length}, for dead latents or as no better than chance.` : ""}`;
  return [tableBlock(caption, tableOf(["Use", "Configuration", "Measured", "Rule"], rows))];
}

function rangeSentences(all: readonly Configuration[]): string[] {
  const seeds = extentOf(all.map(({ records }) => records.length))?.[1] ?? 0;
  const count = `${all.length} configuration${all.length === 1 ? "" : "s"}${seeds > 1 ? `, up to ${seeds} seeds each` : ", one SAE each"}.`;
  const ranges =
    all.length === 1
      ? []
      : ["explained_variance", "feature_death_rate"].flatMap((key) => rangeSentence(all, key) ?? []);
  return [count, ...ranges];
}

function paretoSentence({ rule, optimal, dominated }: ReportInputs["pareto"]): string {
  const objectives = rule.objectives.map(
    ({ key, direction }) => `${lowered(infoOf(key).label)} ${direction === "max" ? "up" : "down"}`,
  );
  return `${optimal.length} of ${optimal.length + dominated.length} are Pareto-optimal (${objectives.join(", ")}; ${rule.dominance} dominance).`;
}

/** A label inside a sentence; `L0` stays as it is. */
const lowered = (label: string) => label.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());

/** Which configurations have a seed that predicting the mean row beats. */
function belowMean(all: readonly Configuration[]): string[] {
  const sentence = belowMeanSentence(
    all.filter(({ records }) => records.some(isBelowMean)).map(({ label }) => `(${label})`),
  );
  return sentence ? [`**${sentence}**`] : [];
}

/** What the SAEs do better than chance; of several seeds the first speaks. */
function chance(all: readonly Configuration[]): string[] {
  const sentence = chanceSentence(
    all.map(({ record }) => record),
    (i) => `(${all[i]!.label})`,
  );
  return sentence ? [sentence] : [];
}

/** What predicting the mean of the rows scores, so that no explained variance is read against zero. */
function baselineSentence(all: readonly Configuration[]): string[] {
  const values = all.flatMap((one) => valuesOf(one, "mean_predictor_explained_variance").mean ?? []);
  const extent = extentOf(values);
  if (!extent) return [];
  const [low, high] = extent.map((value) => formatNumber(".3f", value));
  return [
    `Predicting the mean of the rows alone scores an explained variance of ${low === high ? low : `${low} to ${high}`}.`,
  ];
}
