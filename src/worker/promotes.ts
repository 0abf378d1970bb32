import { z } from "zod";
import { parseLabels } from "../data/labels.ts";
import type { FeatureJson } from "../features/featureJson.ts";
import { usualCounts } from "../features/features.ts";
import { checkUnembedding, checkVocabulary, parseUnembedding, promotedBy } from "../features/unembedding.ts";
import { parseVocabulary } from "../features/vocabulary.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import type { ModelFile } from "./messages.ts";

/** The tokens whose logits a latent raises and lowers most. */
export type Promotes = (latent: number) => Pick<FeatureJson, "promoted" | "suppressed">;

const tokens = z.array(z.object({ token: z.string(), token_id: z.int().nonnegative(), logit: z.number() })).optional();
const line = z.object({ latent: z.int().nonnegative(), promoted: tokens, suppressed: tokens });

/** An SAE whose tokens are wanted. */
interface Wanted {
  readonly latentDim: number;
  readonly decoder: HostTensor<"float32"> | undefined;
  /** Its name in errors. */
  readonly file: string;
}

/**
 * What the latents of an SAE promote: of an unembedding, with a tokenizer.json that says how its tokens are written, or of the latents.jsonl
 * of `sae-onnx features`, which has it.
 * @throws {ConfigError} when the file is none of these, or belongs to another model.
 */
export function promotesOf(sae: Wanted, { name, bytes }: ModelFile, tokenizer?: ModelFile): Promotes {
  if (/\.jsonl$/i.test(name)) return promotesIn(sae, new TextDecoder().decode(bytes), name);
  const matrix = parseUnembedding(bytes, name, {
    severalHint: "keep one in the file, or call the right one unembedding",
  });
  checkUnembedding(matrix, name, sae.decoder, sae.file);
  const vocabulary = tokenizer && parseVocabulary(new TextDecoder().decode(tokenizer.bytes), tokenizer.name);
  if (vocabulary) checkVocabulary(vocabulary, tokenizer.name, matrix, name);
  const { data, dims } = sae.decoder!;
  return (latent) => {
    const row = data.subarray(latent * dims[1]!, (latent + 1) * dims[1]!);
    const { promoted, suppressed } = promotedBy(row, matrix, usualCounts.neighbours);
    const named = (products: typeof promoted) =>
      products.map(({ index, value }) => ({
        token: vocabulary?.[index] ?? `#${index}`,
        token_id: index,
        logit: value,
      }));
    return { promoted: named(promoted), suppressed: named(suppressed) };
  };
}

function promotesIn({ latentDim, file }: Wanted, text: string, name: string): Promotes {
  const lines = z.array(line).safeParse(parseLabels(text, name)).data;
  if (!lines) throw new ConfigError(`${name}: is no latents.jsonl of sae-onnx features; give one, or an unembedding`);
  if (lines.length !== latentDim)
    throw new ConfigError(`${name}: ${lines.length} latents, ${file} has ${latentDim}; is it of another SAE?`);
  if (!lines[0]?.promoted)
    throw new ConfigError(`${name}: says no promoted tokens; write it with sae-onnx features --unembedding`);
  const found = new Map(lines.map(({ latent, promoted, suppressed }) => [latent, { promoted, suppressed }]));
  return (latent) => found.get(latent) ?? {};
}
