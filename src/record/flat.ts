import { z } from "zod";
import { ConfigError } from "../util/errors.ts";
import { shown } from "./json.ts";
import type { SaeRecord } from "./record.ts";

const unstated = z.null().transform(() => Number.NaN);
const whole = z.int().nonnegative();
const count = z.int().positive();

/** The keys of a flat record that are not metrics; what a file leaves out is `NaN`, `null` or empty, never a guess. */
const fields = z.object({
  name: z.string().min(1).optional(),
  architecture: z.string().min(1).default("topk"),
  preset: z.string().min(1).default("not stated"),
  provider: z.string().min(1).default("not stated"),
  seed: z.union([z.int(), unstated, z.nan()]).default(Number.NaN),
  layer: whole.nullable().default(null),
  position: whole.nullable().default(null),
  input_dim: z.union([count, unstated, z.nan()]).default(Number.NaN),
  output_dim: count.nullable().default(null),
  latent_dim: count,
  k: count.nullable().default(null),
  epochs: z.union([whole, unstated, z.nan()]).default(Number.NaN),
  train_time_sec: z.number().nonnegative().nullable().default(null),
  threads: count.nullable().default(null),
  left_out_rows: whole.nullable().default(null),
  config: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).default({}),
  origin: z
    .record(z.string(), z.union([z.number(), z.string()]))
    .nullable()
    .default(null),
  null_reasons: z.record(z.string(), z.string()).default({}),
  splits: z.record(z.string(), z.string()).default({}),
  loss: z.array(z.union([z.number(), z.nan(), z.null().transform(() => Number.NaN)])).default([]),
  resampled: z.array(whole).exactOptional(),
});
const fieldNames = new Set(Object.keys(fields.shape));

/**
 * The SAE of a flat record: known fields by name, every other key a metric. A metric that is NaN or infinite stays so, for
 * `inspectRecords` to tell; `null` is a value that does not exist.
 * @throws {ConfigError} when a field or a metric has a value it cannot have; the message starts with `where`.
 */
export function readRecord(record: Readonly<Record<string, unknown>>, where: string): SaeRecord {
  const parsed = fields.safeParse(record);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    const at = path.map(String);
    const value = at.reduce<unknown>((inner, key) => (Object(inner) as typeof record)[key], record);
    throw new ConfigError(`${where}: ${at.join(".")} is ${shown(value)}: ${message}; correct it or take the row out`);
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
  const { name, ...rest } = parsed.data;
  return { name: name ?? defaultName(rest), ...rest, metrics };
}

/** A record as it stands on disk, metrics beside the other keys; what is not stated becomes `null`. */
export function flatRecord(record: SaeRecord): Record<string, unknown> {
  const { metrics, null_reasons, left_out_rows, splits, loss, output_dim, threads, ...fields } = record;
  const reasons = Object.keys(null_reasons).length > 0 ? { null_reasons } : {};
  const few = {
    ...(threads === null ? {} : { threads }),
    ...(output_dim === null ? {} : { output_dim }),
    ...(left_out_rows === null ? {} : { left_out_rows }),
  };
  return { ...fields, ...few, ...metrics, ...reasons, splits, loss };
}

type Named = Pick<SaeRecord, "layer" | "position" | "latent_dim" | "k" | "seed">;

function defaultName({ layer, position, latent_dim, k, seed }: Named): string {
  const parts = [layer === null ? "" : `l${layer}`, position === null ? "" : `p${position}`, `d${latent_dim}`];
  return [...parts, k === null ? "" : `k${k}`, Number.isNaN(seed) ? "" : `s${seed}`].filter(Boolean).join("_");
}
