import type { DataInfo } from "../data/describe.ts";
import { ConfigError } from "../util/errors.ts";
import type { MetricsFile } from "./record.ts";

/** A metrics file and what it is called. */
export interface NamedMetrics {
  readonly name: string;
  readonly file: MetricsFile;
}

/**
 * Several metrics files as one, records in order. What the files state differently of their data is not stated for the whole (sources
 * stand side by side); configurations that differ stand under their files' names. Synthetic as soon as one is.
 * @throws {ConfigError} for no file, a file named twice, or two files that hold the same layer and position of different
 * activations: their records cannot stand in one table.
 */
export function mergeMetrics(files: readonly NamedMetrics[]): MetricsFile {
  const first = files[0]?.file;
  if (!first) throw new ConfigError("report: no metrics file given; name at least one, e.g. models/metrics.json");
  checkPlaces(files);
  const configs = new Set(files.map(({ file }) => JSON.stringify(file.config)));
  return {
    version: 1,
    config: configs.size === 1 ? first.config : Object.fromEntries(files.map(({ name, file }) => [name, file.config])),
    data: mergeData(files.map(({ file }) => file.data)),
    rows: files.flatMap(({ file }) => file.rows),
  };
}

/** The files with SAEs of one name told apart: a name in several files gets its file's before it, `a.json: sae_d512_k5`. */
export function withDistinctNames(files: readonly NamedMetrics[]): readonly NamedMetrics[] {
  const used = new Map<string, number>();
  for (const { file } of files)
    for (const name of new Set(file.rows.map((row) => row.name))) used.set(name, (used.get(name) ?? 0) + 1);
  return files.map(({ name, file }) => ({
    name,
    file: {
      ...file,
      rows: file.rows.map((row) => (used.get(row.name) === 1 ? row : { ...row, name: `${name}: ${row.name}` })),
    },
  }));
}

function checkPlaces(files: readonly NamedMetrics[]): void {
  for (const [index, b] of files.entries())
    for (const a of files.slice(0, index)) {
      if (a.name === b.name) throw new ConfigError(`report: ${a.name} is named twice; name each file once`);
      const [one, two] = [a.file.data.digest, b.file.data.digest];
      if (!one || !two || one === two) continue;
      const places = new Set(a.file.rows.map(placeOf));
      const shared = b.file.rows.find((row) => places.has(placeOf(row)));
      if (shared)
        throw new ConfigError(
          `report: ${a.name} and ${b.name} were measured on different activations (digests ${one.slice(0, 12)} and ${two.slice(0, 12)}, both ${placeOf(shared)}); report them apart, or one with --compare and the other`,
        );
    }
}

function mergeData(all: readonly DataInfo[]): DataInfo {
  const same = <K extends keyof DataInfo>(key: K, otherwise: DataInfo[K]): DataInfo[K] =>
    new Set(all.map((data) => data[key])).size === 1 ? all[0]![key] : otherwise;
  const targets = [...new Set(all.flatMap(({ target }) => target ?? []))];
  return {
    source: [...new Set(all.map(({ source }) => source))].join(", "),
    ...(targets.length > 0 ? { target: targets.join(", ") } : {}),
    digest: same("digest", ""),
    train_rows: same("train_rows", Number.NaN),
    validation_rows: same("validation_rows", Number.NaN),
    input_dim: same("input_dim", Number.NaN),
    synthetic: all.some(({ synthetic }) => synthetic),
  };
}

const placeOf = ({ layer, position, origin }: MetricsFile["rows"][number]) =>
  `layer ${layer ?? "not stated"}, position ${position ?? "not stated"}${origin?.group === undefined ? "" : `, ${origin.group}`}`;
