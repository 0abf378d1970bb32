import { sections } from "../charts/chart.ts";
import { meanOf } from "../configurations.ts";
import { type Block, heading, list, tableBlock, tableOf, text } from "../document.ts";
import { formatValue, listed } from "../format.ts";
import { infoOf } from "../keys.ts";
import { objectivesText } from "../pareto.ts";
import { figuresIn, type ReportInputs } from "./inputs.ts";

/** Longer lists are cut short here. */
const mostLines = 40;

/** What each dominance means. */
const meanings = {
  standard: "one configuration dominates another when it is at least as good in every objective and better in one",
  strict: "one configuration dominates another only when it is better in every objective, so ties keep both",
};

/** The Pareto plot, the set with the rule that gave it, and what dominates the rest. */
export function paretoSection(inputs: ReportInputs): Block[] {
  // One alone has nothing to be compared with.
  if (inputs.configurations.length < 2) return [];
  const { rule, optimal, dominated, incomparable } = inputs.pareto;
  const keys = rule.objectives.map(({ key }) => key);
  const columns = ["Configuration", ...keys.map((key) => `>${infoOf(key).label}`)];
  const inOrder = optimal.toSorted((a, b) => (meanOf(a, keys.at(-1)!) ?? 0) - (meanOf(b, keys.at(-1)!) ?? 0));
  const rows = inOrder
    .slice(0, mostLines)
    .map((one) => [one.label, ...keys.map((key) => formatValue(key, meanOf(one, key)))]);
  const more = optimal.length > mostLines ? `, the first ${mostLines}; all are in pareto_optimal_configs.json` : "";
  return [
    heading(sections.pareto),
    ...figuresIn("pareto", inputs),
    text(
      `Rule: objectives \`${objectivesText(rule.objectives)}\`, \`${rule.dominance}\` dominance (${meanings[rule.dominance]}). ` +
        `${optimal.length} of ${optimal.length + dominated.length} configurations are Pareto-optimal, ${dominated.length} dominated.`,
    ),
    tableBlock(`Pareto-optimal configurations${more}`, tableOf(columns, rows)),
    ...(dominated.length > 0 && dominated.length <= mostLines ? [list(dominated.map(dominatedSentence))] : []),
    ...(incomparable.length > 0
      ? [
          list(
            incomparable.map(
              ({ item, missing }) => `${item.label} cannot be compared: no value for ${listed(missing)}.`,
            ),
          ),
        ]
      : []),
  ];
}

const dominatedSentence = ({ item, by }: ReportInputs["pareto"]["dominated"][number]): string => {
  const labels = by.map(({ label }) => `(${label})`);
  return `${item.label} is dominated by ${listed(labels, 4)}.`;
};
