import { meanOf } from "../configurations.ts";
import { type Block, heading, list, tableBlock, tableOf, text } from "../document.ts";
import { formatValue, listed } from "../format.ts";
import { infoOf } from "../keys.ts";
import { objectivesText } from "../pareto.ts";
import type { ReportInputs } from "./inputs.ts";

/** What each dominance means. */
const meanings = {
  standard: "one configuration dominates another when it is at least as good in every objective and better in one",
  strict: "one configuration dominates another only when it is better in every objective, so ties keep both",
};

/** The Pareto plot, the set with the rule that gave it, and what dominates the rest. */
export function paretoSection({ pareto, figures }: ReportInputs): Block[] {
  const { rule, optimal, dominated, incomparable } = pareto;
  const keys = rule.objectives.map(({ key }) => key);
  const columns = ["Configuration", ...keys.map((key) => `>${infoOf(key).label}`)];
  const inOrder = optimal.toSorted((a, b) => (meanOf(a, keys.at(-1)!) ?? 0) - (meanOf(b, keys.at(-1)!) ?? 0));
  const rows = inOrder.map((one) => [one.label, ...keys.map((key) => formatValue(key, meanOf(one, key)))]);
  const figure = figures.filter(({ name }) => name === "pareto_frontier");
  return [
    heading("Pareto set"),
    ...figure.map((one) => ({ kind: "figure", ...one }) as const),
    text(
      `Rule: objectives \`${objectivesText(rule.objectives)}\`, \`${rule.dominance}\` dominance (${meanings[rule.dominance]}). ` +
        `${optimal.length} of ${optimal.length + dominated.length} configurations are Pareto-optimal, ${dominated.length} dominated.`,
    ),
    tableBlock("Pareto-optimal configurations", tableOf(columns, rows)),
    ...(dominated.length > 0 && dominated.length <= 40
      ? [
          list(
            dominated.map(
              ({ item, by }) =>
                `${item.label} is dominated by ${listed(
                  by.map(({ label }) => `(${label})`),
                  4,
                )}.`,
            ),
          ),
        ]
      : []),
    ...incomparable.map(({ item, missing }) =>
      text(`${item.label} cannot be compared: no value for ${listed(missing)}.`),
    ),
  ];
}
