import { z } from "zod";
import { parseJson } from "../record/json.ts";
import { ConfigError } from "../util/errors.ts";

const texts = z.object({
  version: z.literal(1),
  /** Digest of the model's verification vectors: of another model are other texts. */
  model: z.string(),
  /** Rows that were looked at. */
  rows: z.int().nonnegative(),
  latents: z.array(
    z.object({
      latent: z.int().nonnegative(),
      /** Share of these rows in which it fires. */
      frequency: z.number().min(0).max(1),
      strongest: z.array(z.object({ row: z.int().nonnegative(), value: z.number(), text: z.string() })),
    }),
  ),
});

/** The texts in which some latents of an SAE are strongest, as `NAME.texts.json` has them. */
export type LatentTexts = z.infer<typeof texts>;

/** What `train` wrote of an SAE's texts. @throws {ConfigError} when the text is no such JSON; names the file. */
export function parseTexts(text: string, file: string): LatentTexts {
  const parsed = texts.safeParse(parseJson(text, file));
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new ConfigError(`${file}: ${path.join(".") || "the file"}: ${message}; delete it, or train again`);
}
