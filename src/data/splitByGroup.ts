import { digest } from "../util/digest.ts";
import { ConfigError } from "../util/errors.ts";
import { quote } from "./quote.ts";
import type { Column } from "./where.ts";

/**
 * Which rows train (0) and which validate (1), so that no value of a column is on both sides: the values are put in the order of
 * their SHA-256, and train until about `share` of the rows do. A value's side does not depend on the order of the rows.
 * @throws {ConfigError} when the column has a single value.
 */
export async function splitByGroup(column: Column, share: number, name: string): Promise<Float64Array> {
  const counts = new Map<string, number>();
  for (let row = 0; row < column.length; row++) {
    const value = String(column[row]);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  if (counts.size < 2)
    throw new ConfigError(
      `--split-by: column ${quote(name)} has one value only, which cannot be on both sides; name another column`,
    );
  const encoder = new TextEncoder();
  const hashed = await Promise.all(
    [...counts.keys()].map(async (value) => [await digest(encoder.encode(value)), value] as const),
  );
  const order = hashed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
  const wanted = share * column.length;
  const training = new Set<string>();
  let rows = 0;
  for (const value of order) {
    const more = rows + counts.get(value)!;
    if (training.size > 0 && (more - wanted > wanted - rows || training.size === counts.size - 1)) break;
    training.add(value);
    rows = more;
  }
  return Float64Array.from({ length: column.length }, (_, row) => (training.has(String(column[row])) ? 0 : 1));
}
