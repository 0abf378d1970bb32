import { z } from "zod";
import { ConfigError } from "../util/errors.ts";
import { shown } from "./json.ts";
import type { MetricRow } from "./row.ts";

const unstated = z.null().transform(() => Number.NaN);
const whole = z.int().nonnegative();
const count = z.int().positive();

/** The keys of a flat row that are not metrics; what a file leaves out is `NaN`, `null` or empty, never a guess. */
const fields = z.object({
  name: z.string().min(1).optional(),
  architecture: z.string().min(1).default("topk"),
  preset: z.string().min(1).default("not stated"),
  provider: z.string().min(1).default("not stated"),
  seed: z.union([z.int(), unstated, z.nan()]).default(Number.NaN),
  layer: whole.nullable().default(null),
  position: whole.nullable().default(null),
  input_dim: z.union([count, unstated, z.nan()]).default(Number.NaN),
  latent_dim: count,
  k: count.nullable().default(null),
  epochs: z.union([whole, unstated, z.nan()]).default(Number.NaN),
  train_time_sec: z.number().nonnegative().nullable().default(null),
  splits: z.record(z.string(), z.string()).default({}),
  loss: z.array(z.union([z.number(), z.nan(), z.null().transform(() => Number.NaN)])).default([]),
});
const fieldNames = new Set(Object.keys(fields.shape));

/**
 * The row of a flat record: known fields by name, every other key a metric. A metric that is NaN or infinite stays so, for
 * `inspectRows` to tell; `null` is a value that does not exist.
 * @throws {ConfigError} when a field or a metric has a value it cannot have; the message starts with `where`.
 */
export function readRow(record: Readonly<Record<string, unknown>>, where: string): MetricRow {
  const parsed = fields.safeParse(record);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    const at = String(path[0]);
    throw new ConfigError(`${where}: ${at} is ${shown(record[at])}: ${message}; correct it or take the row out`);
  }
  const metrics: Record<string, number | null> = {};
  for (const [key, value] of Object.entries(record)) {
    if (fieldNames.has(key)) continue;
    if (value !== null && typeof value !== "number")
      throw new ConfigError(
        `${where}: ${key} is ${shown(value)}; a metric is a number or null: correct it or take the key out`,
      );
    metrics[key] = value;
  }
  const { name, ...row } = parsed.data;
  return { name: name ?? defaultName(row), ...row, metrics };
}

/** The flat record of a row as it stands on disk; what is not stated becomes `null`. */
export function flatRow({ metrics, splits, loss, ...fields }: MetricRow): Record<string, unknown> {
  return { ...fields, ...metrics, splits, loss };
}

type Named = Pick<MetricRow, "layer" | "position" | "latent_dim" | "k" | "seed">;

function defaultName({ layer, position, latent_dim, k, seed }: Named): string {
  const parts = [layer === null ? "" : `l${layer}`, position === null ? "" : `p${position}`, `d${latent_dim}`];
  return [...parts, k === null ? "" : `k${k}`, Number.isNaN(seed) ? "" : `s${seed}`].filter(Boolean).join("_");
}
