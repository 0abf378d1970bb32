import { z } from "zod";
import { ConfigError } from "../util/errors.ts";
import { parseSmall } from "../util/json.ts";
import { originSchema } from "./origin.ts";

/** A JSON value written as text. */
const jsonText = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return parseSmall(text);
      } catch {
        context.addIssue({ code: "custom", message: "not JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);

const metadataSchema = z.object({
  config: jsonText(z.unknown()),
  epochs_done: jsonText(z.int().min(0)),
  loss: jsonText(z.array(z.number())),
  resampled: jsonText(z.array(z.int().min(0))).optional(),
  within: jsonText(z.strictObject({ rows: z.int().min(1), loss: z.number() })).optional(),
  data_digest: z.string(),
  layer: jsonText(z.number().nullable()),
  position: jsonText(z.number().nullable()),
  origin: jsonText(originSchema).optional(),
  tf32: z.enum(["on", "off"]).optional(),
  threads: jsonText(z.int().min(1).nullable()).optional(),
  metrics: jsonText(z.record(z.string(), z.number().nullable())),
});

/** The metadata of a checkpoint, checked; `config` is left to `configFromJson`. @throws {ConfigError} naming the first key that is damaged. */
export function metadataIn(metadata: Readonly<Record<string, string>>, file: string) {
  const { data, error } = metadataSchema.safeParse(metadata);
  if (error) {
    const { path, message } = error.issues[0]!;
    throw new ConfigError(`${file}: its metadata "${path[0]?.toString()}" are damaged (${message}); train again`);
  }
  const { epochs_done: epochsDone, data_digest: dataDigest, ...rest } = data;
  return { epochsDone, dataDigest, ...rest };
}
