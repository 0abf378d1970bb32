import type { MetricsFile } from "../metrics/row.ts";
import { ConfigError } from "../util/errors.ts";

/** A metrics file and what it is called. */
export interface NamedMetrics {
  readonly name: string;
  readonly file: MetricsFile;
}

/**
 * Several metrics files as one, rows in order; what the first says of configuration and data stands for all. Synthetic as soon
 * as one is.
 * @throws {ConfigError} for no file, or when two files hold the same layer and position of different activations: their rows
 * cannot stand in one table.
 */
export function mergeMetrics(files: readonly NamedMetrics[]): MetricsFile {
  const [first, ...others] = files;
  if (!first) throw new ConfigError("report: no metrics file given; name at least one, e.g. models/metrics.json");
  for (const [index, b] of files.entries())
    for (const a of files.slice(0, index)) {
      const [one, two] = [a.file.data.digest, b.file.data.digest];
      if (!one || !two || one === two) continue;
      const places = new Set(a.file.rows.map(placeOf));
      const shared = b.file.rows.find((row) => places.has(placeOf(row)));
      if (shared)
        throw new ConfigError(
          `report: ${a.name} and ${b.name} were measured on different activations (digests ${one.slice(0, 12)} and ${two.slice(0, 12)}, both ${placeOf(shared)}); report them apart, or compare them`,
        );
    }
  const { config, data } = first.file;
  return {
    version: 1,
    config,
    data: { ...data, synthetic: files.some(({ file }) => file.data.synthetic) },
    rows: [first, ...others].flatMap(({ file }) => file.rows),
  };
}

const placeOf = ({ layer, position }: MetricsFile["rows"][number]) =>
  `layer ${layer ?? "not stated"}, position ${position ?? "not stated"}`;
