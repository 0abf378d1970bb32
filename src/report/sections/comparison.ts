import { followingKeys } from "../../record/identity.ts";
import type { MetricsFile } from "../../record/record.ts";
import { groupBy } from "../../util/group.ts";
import { type Configuration, configurations, sizesOf, valuesOf } from "../configurations.ts";
import { type Block, heading, list, tableBlock, tableOf, text } from "../document.ts";
import { formatNumber, formatValue, listed } from "../format.ts";
import { inspectRecords } from "../inspect.ts";
import { infoOf, knownMetrics } from "../keys.ts";
import { differenceOf, spreadOf } from "../stats.ts";
import type { ReportInputs } from "./inputs.ts";

/** Another metrics file to hold this one against, and what to call it. */
export interface Compared {
  readonly name: string;
  readonly file: MetricsFile;
}

/** This report's configurations against another file's, cell by cell, for every metric both measured; nothing without another. */
export function comparison({ configurations: here, file }: ReportInputs, other: Compared | undefined): Block[] {
  if (!other) return [];
  const { records, notes } = inspectRecords(other.file.rows);
  const there = configurations(records);
  const bySize = groupBy(there, ({ record }) => sizesOf(record));
  const pairs = here.flatMap((one) => {
    const fits = (candidate: Configuration) => sameCell(one, candidate) && sameOptions(one, candidate);
    const candidates = bySize.get(sizesOf(one.record)) ?? [];
    const first = candidates.findIndex(fits);
    // A second one that fits leaves it open which is meant.
    const only = first >= 0 && candidates.findIndex((other, at) => at > first && fits(other)) < 0;
    return only ? [{ one, two: candidates[first]! }] : [];
  });
  const paired = new Set(pairs.flatMap(({ one, two }) => [one, two]));
  const keys = knownMetrics.filter((key) =>
    pairs.some(({ one, two }) => valuesOf(one, key).mean !== null && valuesOf(two, key).mean !== null),
  );
  return [
    heading("Comparison"),
    text(
      `This report (A) against **${other.name}** (B), ${pairs.length} configuration${pairs.length === 1 ? "" : "s"} of equal latents and k (and layer, position and what else varies, where both name them)${pairs.length === 0 ? ": nothing to compare" : ""}. ${dataSentence(file, other.file)}`,
    ),
    list([...unmatched("A", here, paired), ...unmatched("B", there, paired), ...notes.map((note) => `B: ${note}`)]),
    ...keys.map((key) => tableBlock(captionFor(key, pairs), tableFor(key, pairs))),
  ].filter((block) => block.kind !== "list" || block.items.length > 0);
}

interface Pair {
  readonly one: Configuration;
  readonly two: Configuration;
}

/** The metric, and in words how far apart the two files are. */
function captionFor(key: string, pairs: readonly Pair[]): string {
  const { label, format } = infoOf(key);
  const changes = pairs.flatMap(({ one, two }) => {
    const [a, b] = [valuesOf(one, key).mean, valuesOf(two, key).mean];
    return a === null || b === null ? [] : [{ one, change: a - b }];
  });
  const largest = changes.toSorted((x, y) => Math.abs(y.change) - Math.abs(x.change))[0]!;
  if (largest.change === 0) return `${label}: no difference`;
  const mean = spreadOf(changes.map(({ change }) => Math.abs(change))).mean;
  return `${label}: mean of |A − B| ${formatNumber(format, mean)}, largest difference ${formatNumber(`+${format}`, largest.change)} (${largest.one.label})`;
}

function tableFor(key: string, pairs: readonly Pair[]) {
  const rows = pairs.map(({ one, two }) => {
    const [a, b] = [valuesOf(one, key), valuesOf(two, key)];
    const between = differenceOf(a, b);
    const verdict = between
      ? between.distinguishable
        ? "stands out"
        : "not distinguishable from seed noise"
      : "one seed on a side: no spread";
    const change = a.mean === null || b.mean === null ? null : a.mean - b.mean;
    return [
      one.label,
      formatValue(key, a.mean),
      formatValue(key, b.mean),
      formatNumber(`+${infoOf(key).format}`, change),
      verdict,
    ];
  });
  return tableOf(["Configuration", ">A", ">B", ">A − B", "Verdict"], rows);
}

function dataSentence(a: MetricsFile, b: MetricsFile): string {
  if (!a.data.digest || !b.data.digest)
    return "Whether both were measured on the same activations is not stated in the files.";
  return a.data.digest === b.data.digest
    ? "Both were measured on the same activations."
    : "They were measured on **different activations**: differences are not the SAEs' alone.";
}

function unmatched(side: string, all: readonly Configuration[], paired: ReadonlySet<Configuration>): string[] {
  const alone = all.filter((one) => !paired.has(one)).map(({ label }) => `(${label})`);
  return alone.length > 0 ? [`Only in ${side}, or there more than once: ${listed(alone, 8)}.`] : [];
}

/** Whether no option that varies on either side differs between the two; one that a side does not state agrees with any. */
function sameOptions({ record: a, axes }: Configuration, { record: b, axes: others }: Configuration): boolean {
  const keys = [...axes.varying, ...others.varying].filter(
    (key) => key in a.config && key in b.config && key !== "seed",
  );
  return keys.every((key) => followingKeys.has(key) || a.config[key] === b.config[key]);
}

function sameCell({ record: a }: Configuration, { record: b }: Configuration): boolean {
  const agrees = (x: number | null, y: number | null) => x === null || y === null || x === y;
  return agrees(a.layer, b.layer) && agrees(a.position, b.position);
}
