import { z } from "zod";
import { parseJson } from "../record/json.ts";
import { ConfigError } from "../util/errors.ts";
import type { LatentStatistics } from "./charts/chart.ts";

const share = z.array(z.number().min(0).max(1));
const magnitude = z.array(z.number().nonnegative());
const statistics = z.object({ frequency: share, mean_activation: magnitude, max_activation: magnitude });

/**
 * What `train` wrote of each latent, for an SAE of so many.
 * @throws {ConfigError} when the text is no JSON, a list is missing or holds what it cannot, or has another length; names the file.
 */
export function parseLatents(text: string, file: string, latentDim: number): LatentStatistics {
  const parsed = statistics.safeParse(parseJson(text, file));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new ConfigError(`${file}: ${path.join(".") || "the file"}: ${message}; delete it, or train again`);
  }
  for (const [key, values] of Object.entries(parsed.data))
    if (values.length !== latentDim)
      throw new ConfigError(
        `${file}: ${key} has ${values.length} entries, the SAE of that name ${latentDim} latents; delete it, or train again`,
      );
  return parsed.data;
}
