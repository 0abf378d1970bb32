import { activationSetOf, parseArrays } from "../data/activations.ts";
import { parseLabels } from "../data/labels.ts";
import { readSafetensors } from "../data/safetensors.ts";
import { isUnembedding, parseUnembedding } from "../features/unembedding.ts";
import { takesTokens } from "../harvest/inputs.ts";
import { decodeModel, metadataOf } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { shapeOf } from "../onnx/tensors.ts";
import { ConfigError } from "../util/errors.ts";

/** What a file is: its kind, and the same in words. */
export interface Recognised {
  readonly kind:
    | "activations"
    | "labels"
    | "autoencoder"
    | "encoder"
    | "evaluator"
    | "checkpoint"
    | "codes"
    | "unembedding"
    | "language model"
    | "tokenizer";
  readonly words: string;
  /** Width of activations, or of what an SAE takes. */
  readonly width?: number | undefined;
  /** The layer that an SAE's metadata name. */
  readonly layer?: string | undefined;
}

/**
 * What a file is, by its content and not its name alone.
 * @throws {ConfigError} when it is nothing that can be used here, or damaged: with what it is.
 */
export function recognised(bytes: Uint8Array, name: string): Recognised {
  if (/\.jsonl$/i.test(name)) {
    const labels = parseLabels(textOf(bytes), name);
    if (labels[0]?.latent !== undefined && labels[0].bands !== undefined)
      return {
        kind: "unembedding",
        words: `what ${count(labels.length, "latent")} promote, as sae-onnx features wrote it`,
      };
    return { kind: "labels", words: `${count(labels.length, "label")}: ${Object.keys(labels[0] ?? {}).join(", ")}` };
  }
  if (/\.json$/i.test(name)) return jsonKind(textOf(bytes), name);
  if (/\.onnx$/i.test(name)) return modelKind(decodeModel(bytes, name), name);
  if (/\.safetensors$/i.test(name)) {
    const { metadata, tensors } = readSafetensors(bytes, name);
    if (metadata.format === "sae-onnx" && metadata.config !== undefined)
      return { kind: "checkpoint", words: "a checkpoint of a training" };
    if (tensors.has("starts") && metadata.texts !== undefined)
      return { kind: "codes", words: `an SAE as it was looked into: ${metadata.about ?? ""}` };
  }
  if (/\.(npy|npz|safetensors)$/i.test(name)) {
    const arrays = parseArrays(bytes, name);
    if (isUnembedding(name, arrays)) {
      const [tokens, width] = parseUnembedding(bytes, name).dims;
      return { kind: "unembedding", words: `an unembedding: ${count(tokens!, "token")}, ${width} wide`, width };
    }
    const severalHint = "keep one in the file, or call the right one activations";
    const [rows, width] = activationSetOf(arrays, name, { severalHint }).activations.dims;
    return { kind: "activations", words: `activations: ${count(rows!, "row")} of ${width}`, width };
  }
  throw new ConfigError(
    `${name}: not one of the files this page takes (activations .npy .npz .safetensors, labels .jsonl, models .onnx, tokenizer.json)`,
  );
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const count = (n: number, what: string): string => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

function jsonKind(text: string, name: string): Recognised {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConfigError(`${name}: is not JSON; a tokenizer.json is read here`);
  }
  const { model } = (value ?? {}) as { readonly model?: { readonly type?: unknown; readonly vocab?: object } };
  if (!model?.vocab) throw new ConfigError(`${name}: is no tokenizer.json; of .json files only that is read here`);
  const pieces = Array.isArray(model.vocab) ? model.vocab.length : Object.keys(model.vocab).length;
  return { kind: "tokenizer", words: `a tokenizer of ${count(pieces, "piece")}` };
}

function modelKind(model: Model, name: string): Recognised {
  const named = (infos: NonNullable<Model["graph"]>["input"], wanted: string) =>
    infos?.find((one) => one.name === wanted);
  const { input = [], output = [] } = model.graph ?? {};
  const taken = named(input, "activations");
  const [latents, reconstruction] = ["latents", "reconstruction"].map((one) => named(output, one));
  const width = taken && widthOf(taken);
  const latentDim = latents && widthOf(latents);
  const { layer } = metadataOf(model);
  if (taken && latents) {
    const words = `${count(latentDim ?? 0, "latent")} of activations ${width ?? "?"} wide`;
    return reconstruction
      ? { kind: "autoencoder", words: `an SAE: ${words}`, width, layer }
      : { kind: "encoder", words: `an encoder alone, to look into and not to evaluate: ${words}`, width };
  }
  if (taken && reconstruction && named(output, "latentStatistics.count"))
    return { kind: "evaluator", words: "an evaluator, to evaluate and not to look into", width };
  if (takesTokens(model)) return { kind: "language model", words: "a language model" };
  const list = (infos: typeof input) => (infos ?? []).map((one) => one.name).join(", ");
  throw new ConfigError(
    `${name}: an ONNX model from ${list(input)} to ${list(output)}, no SAE (activations to latents) and no language model (input_ids)`,
  );
}

function widthOf(info: Parameters<typeof shapeOf>[0]): number | undefined {
  const last = shapeOf(info)?.at(-1);
  return typeof last === "number" ? last : undefined;
}
