import { RowSpans } from "../../data/rowSpans.ts";
import { type RowStatistics, rowStatistics } from "../../data/rowStatistics.ts";
import { rowBatches } from "../../data/shards/batches.node.ts";
import { openActivations } from "../../pipeline/open.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { sliceRows } from "../../util/tensor.ts";

/** Dimensions that are shown by name. */
const mostShown = 8;
const rowsAtATime = 1024;

/** What the rows of an activation set are like, in lines for people and as JSON; `undefined` where a file is none. */
export async function describeRows(file: string): Promise<{ text: string; json: unknown } | undefined> {
  const set = await openActivations(file).catch((error: unknown) => {
    if (error instanceof ConfigError) return error;
    throw error;
  });
  if (set instanceof ConfigError)
    // What is no activation set has no rows to speak of; one with NaN has, and says where.
    return /(NaN|Infinity) at row/.test(set.message)
      ? { text: `# rows: ${set.message}`, json: { error: set.message } }
      : undefined;
  const rows = "shards" in set ? set.rows : set.activations.dims[0]!;
  if (rows === 0) return undefined;
  const found = await rowStatistics(() =>
    "shards" in set ? rowBatches(set.shards, RowSpans.of([0, rows]), rowsAtATime) : inMemory(set.activations, rows),
  );
  return { text: linesOf(found).join("\n"), json: jsonOf(found) };
}

async function* inMemory(activations: Parameters<typeof sliceRows<"float32">>[0], rows: number) {
  for (let from = 0; from < rows; from += rowsAtATime)
    yield sliceRows(activations, from, Math.min(from + rowsAtATime, rows));
}

const short = (value: number): string => String(Number(value.toPrecision(4)));
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function linesOf({ rows, norms, topShare, magnitude, heavy, massive }: RowStatistics): string[] {
  const { median, q999, largest, largestRow } = norms;
  const shown = massive.dimensions.slice(0, mostShown);
  const more = massive.dimensions.length - shown.length;
  const listed = shown.map(
    (one) => `# dimension ${one.dimension}: up to ${short(one.largest)}, ${counted(one.rows, "row")}`,
  );
  return [
    `# rows: ${rows}, norms: median ${short(median)}, 99.9 % up to ${short(q999)}, largest ${short(largest)} (row ${largestRow})`,
    `# the longest 0.1 % of the rows hold ${percent(topShare)} of all squares`,
    ...heavy.map(
      ({ dimension, share, largest: size }) =>
        `# dimension ${dimension}: ${percent(share)} of all squares, up to ${short(size)}`,
    ),
    massive.dimensions.length === 0
      ? `# no value above 1,000 times the median magnitude (${short(magnitude)})`
      : `# ${counted(massive.rows, "row")} with values above 1,000 times the median magnitude (${short(magnitude)}), in ${counted(massive.dimensions.length, "dimension")}; train --max-row-norm 10x would leave rows above ${short(10 * median)} out`,
    ...listed,
    ...(more > 0 ? [`# and ${counted(more, "dimension")} more`] : []),
  ];
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

const jsonOf = ({ rows, norms, topShare, magnitude, heavy, massive }: RowStatistics) => ({
  count: rows,
  norms: {
    ...{ median: norms.median, quantile_999: norms.q999, largest: norms.largest },
    largest_row: norms.largestRow,
  },
  top_rows_squares_share: topShare,
  median_magnitude: magnitude,
  heavy_dimensions: heavy,
  massive_rows: massive.rows,
  massive_dimensions: massive.dimensions,
});
