import { describedKeys } from "../metrics/index.ts";
import type { MetricsFile, SaeRecord } from "./record.ts";

/** A few rows that hold more than this of the variance decide what is said of all. */
const much = 0.1;

/** What to know before some numbers are read: that a few rows decide them, and why others are missing. A sentence or two each. */
export const cautions = ({ rows, data }: Pick<MetricsFile, "rows" | "data">): string[] => [
  ...heavySentences(rows, data.validation_rows),
  ...reasonSentences(rows),
];

/** What part of the variance the heaviest rows hold, where it is so little that it needs no caution; else nothing. */
export function lightSentence(records: readonly SaeRecord[]): string {
  const shares = sharesOf(records).filter((share) => share <= much);
  if (shares.length === 0) return "";
  return `The heaviest 0.1 % of these rows hold ${percent(Math.max(...shares))} of the variance.`;
}

function heavySentences(records: readonly SaeRecord[], validationRows: number): string[] {
  const counted = Math.ceil(validationRows / 1000);
  // Among a dozen rows one may well hold a tenth.
  const heavy = records.filter((one) => {
    const share = one.metrics.top_rows_variance_share ?? 0;
    return share > much && !(share <= (2 * counted) / validationRows);
  });
  if (heavy.length === 0) return [];
  const shares = sharesOf(heavy);
  const [low, high] = [Math.min(...shares), Math.max(...shares)].map(percent);
  const which = Number.isNaN(counted) ? "" : ` (${counted} of ${validationRows})`;
  const without = named(heavy, ({ metrics }) => {
    const [ev, centred] = [
      metrics.explained_variance_without_top_rows,
      metrics.explained_variance_centered_without_top_rows,
    ];
    return ev == null ? undefined : `${ev.toFixed(3)}${centred == null ? "" : ` (centred ${centred.toFixed(3)})`}`;
  });
  return [
    `The heaviest 0.1 % of the validation rows${which} hold ${low === high ? low : `${low} to ${high}`} of the variance: explained variance is about them.${without && ` Without them it is ${without}.`}`,
  ];
}

/** A sentence for each reason, with what it leaves without a value. */
function reasonSentences(records: readonly SaeRecord[]): string[] {
  const reasons = new Map<string, { keys: Set<string>; names: Set<string> }>();
  for (const { name, null_reasons } of records)
    for (const [key, reason] of Object.entries(null_reasons)) {
      const one = reasons.get(reason) ?? { keys: new Set(), names: new Set() };
      reasons.set(reason, one);
      one.keys.add(describedKeys[key]?.label ?? key);
      one.names.add(name);
    }
  return [...reasons].map(([reason, { keys, names }]) => {
    const whose = names.size === records.length ? "" : ` (${shortened([...names], 4)})`;
    return `Not defined: ${shortened([...keys], 4)}${whose}: ${reason}.`;
  });
}

const sharesOf = (records: readonly SaeRecord[]): number[] =>
  records.flatMap(({ metrics }) => metrics.top_rows_variance_share ?? []);

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** What each of some records has to say, with its name where there are several. */
function named(records: readonly SaeRecord[], say: (record: SaeRecord) => string | undefined): string {
  const said = records.flatMap((record) => {
    const text = say(record);
    return text === undefined ? [] : records.length === 1 ? text : `${text} for ${record.name}`;
  });
  return shortened(said, 6);
}

const shortened = (items: readonly string[], most: number): string =>
  items.length > most ? `${items.slice(0, most - 1).join(", ")} and ${items.length - most + 1} more` : items.join(", ");
