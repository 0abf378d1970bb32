import { basename } from "node:path";
import { destinationOf } from "../data/destination.node.ts";
import { writeWhole } from "../data/files.node.ts";
import { type LatentFlag, parseLatents } from "../effect/changes.ts";
import { type Effect, measureEffect } from "../effect/effect.node.ts";
import { checkCounts } from "../util/counts.ts";
import { ConfigError } from "../util/errors.ts";
import { writeError } from "../util/fileErrors.ts";
import { openTextFiles, type TextFiles } from "./textFiles.node.ts";

/** What is measured of which SAE in which model. */
export interface EffectRun extends TextFiles {
  /** A frozen .autoencoder.onnx, or a checkpoint. */
  readonly sae: string;
  /** Where it is put; default: where its rows come from. */
  readonly at?: string | undefined;
  /** Tokens whose activation is changed; default: those the SAE was trained on. */
  readonly positions?: string | undefined;
  /** The output that is measured; default: logits, else a sentence's vector. */
  readonly output?: string | undefined;
  /** Latents set to 0: `12,40` one by one, `12+40` together. */
  readonly ablate?: string | undefined;
  /** Latents multiplied: `12:3`, or `12:3+40:0.5` together. */
  readonly scale?: string | undefined;
  /** Latents added to: `12:80`. */
  readonly steer?: string | undefined;
  /** Random directions for the reconstruction and each change; default 1. */
  readonly controls?: number | undefined;
  /** A text that is gone on with under every change, by `tokens`, 20 by default. */
  readonly prompt?: string | undefined;
  readonly tokens?: number | undefined;
  /** Where the results are written as JSON; nowhere by default. */
  readonly out?: string | undefined;
  readonly onCaution?: ((line: string) => void) | undefined;
  readonly onTokens?: ((done: number) => void) | undefined;
}

/** What was found, and with which files. */
export interface EffectFile extends Effect {
  readonly model: string;
  readonly sae: string;
}

const flags = ["ablate", "scale", "steer"] as const satisfies readonly LatentFlag[];

/**
 * Measures what it does to a model that an SAE's reconstruction, or less, takes an activation's place.
 * @throws {ConfigError} for what does not fit together: model, SAE, place, output, latents, texts. Then nothing is written.
 */
export async function effectFiles(run: EffectRun): Promise<EffectFile> {
  const { sae, at, positions, output, controls = 1, batchTokens = 256, prompt, tokens = 20, out } = run;
  checkCounts({ tokens });
  if (!Number.isInteger(controls) || controls < 0)
    throw new ConfigError(`--controls must be an integer of at least 0, got ${controls}`);
  const changes = flags.flatMap((flag) => (run[flag] === undefined ? [] : parseLatents(flag, run[flag])));
  if (out !== undefined)
    await destinationOf(out).catch((error) => {
      throw writeError(out, error);
    });
  const texts = await openTextFiles(run);
  const found = await measureEffect({
    ...{ ...texts, sae, at, positions, output, changes, controls, batchTokens },
    prompt: prompt === undefined ? undefined : { text: prompt, tokens },
    ...(run.onCaution && { onCaution: run.onCaution }),
    ...(run.onTokens && { onTokens: run.onTokens }),
  });
  const results = { model: basename(texts.model.file), sae: basename(sae), ...found };
  if (out !== undefined) await writeWhole(out, `${JSON.stringify(results, null, 1)}\n`);
  return results;
}
