import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { type ExpectedOutput, type VerificationVectors, writeVectors } from "../../data/vectors.ts";
import { metadataOf, withMetadata } from "../../onnx/model.ts";
import type { Model } from "../../onnx/proto.ts";
import type { SaeSpec } from "../../sae/spec.ts";
import { digest } from "../../util/digest.ts";
import type { HostTensor } from "../../util/tensor.ts";
import { type FreezeOptions, freeze, type Part } from "../freeze.ts";
import type { TargetName } from "../targets/index.ts";
import { type WeightTypeName, weightTypes } from "../weights/index.ts";
import { largest } from "../weights/largest.ts";
import { type PlainRow, plainLatents, plainReconstruction } from "./forward.ts";
import { vectorRows } from "./rows.ts";
import { column, matrix } from "./tensors.ts";

type Rows = readonly ArrayLike<number>[];

/** A checkpoint's forward pass in float64, from the weights as they are stored. */
interface PlainForward {
  readonly config: SaeSpec;
  readonly weights: Checkpoint["tensors"];
  readonly activations: HostTensor<"float32">;
  readonly code: readonly PlainRow[];
}

/** The forward pass of a checkpoint, on rows made from its weights. */
export function plainForward(
  { config, tensors }: Checkpoint,
  dtype: WeightTypeName,
  rows: (config: SaeSpec, weights: Checkpoint["tensors"]) => HostTensor<"float32"> = vectorRows,
): PlainForward {
  const weights = Object.fromEntries(
    Object.entries(tensors).map(([name, value]) => [
      name,
      value.dims.length === 2 ? weightTypes[dtype].rounded(value) : value,
    ]),
  );
  const activations = rows(config, weights);
  return { config, weights, activations, code: plainLatents(config, weights, activations) };
}

/**
 * The inputs of a frozen part, and the outputs it should give for them.
 * The scale of a row's latents is its largest pre-activation. The scale of its reconstruction is the largest entry.
 */
export function vectorsOf(
  { config, weights, activations, code }: PlainForward,
  part: Part,
  target: TargetName,
): VerificationVectors {
  const rows = code.length;
  const inLatents = { scale: column(code.map(({ scale }) => scale)) };
  const latents = { value: matrix(code.map((row) => row.latents)), ...inLatents };
  const { inputDim } = config;
  const decoded = (of: Rows) =>
    of.map((z, row) =>
      plainReconstruction(config, weights, z, activations.data.subarray(row * inputDim, (row + 1) * inputDim)),
    );
  const asOutput = (xHat: Rows): ExpectedOutput => ({ value: matrix(xHat), scale: column(xHat.map(largest)) });
  if (part === "decoder") {
    // From the latents as the file holds them, in float32.
    const given = code.map((_, row) =>
      latents.value.data.subarray(row * config.latentDim, (row + 1) * config.latentDim),
    );
    return { rows, inputs: { latents: latents.value }, outputs: { reconstruction: asOutput(decoded(given)) } };
  }
  const selection = { threshold: thresholds(code), gap: column(code.map(({ gap }) => gap)) };
  const xHat = part === "encoder" ? [] : decoded(code.map((row) => row.latents));
  // Magnitudes, in descending order: latents of opposite sign and nearly the same magnitude may come in either order.
  const top = { top_values: { value: matrix(code.map((row) => row.top)), ...inLatents } };
  const hasTop = target === "ort" && code[0]!.top.length > 0;
  return {
    rows,
    inputs: { activations },
    outputs: {
      // An evaluator gives either of the two. Its sums mix rows of every magnitude and are not replayed.
      ...(part === "evaluator" && hasTop ? {} : { latents }),
      ...(hasTop ? top : {}),
      ...(part === "encoder" ? {} : { reconstruction: asOutput(xHat) }),
    },
    selection,
  };
}

/** A frozen part, and the vectors it is verified on. */
export interface Frozen {
  /** Names the vectors' SHA-256 in its metadata. */
  readonly model: Model;
  readonly expected: VerificationVectors;
  /** The vectors as a file. */
  readonly vectors: Uint8Array;
}

/**
 * `freeze` of some parts, in order, with verification vectors, all of one forward pass; `more` is added to the metadata.
 * @throws {ConfigError} as `freeze`.
 */
export async function freezeWithVectors(
  checkpoint: Checkpoint,
  parts: readonly Part[],
  options: FreezeOptions = {},
  more: Readonly<Record<string, string>> = {},
): Promise<[Part, Frozen][]> {
  const frozen = parts.map((part) => [part, freeze(checkpoint, part, options)] as const);
  const forward = plainForward(checkpoint, options.dtype ?? "float32");
  const made: [Part, Frozen][] = [];
  for (const [part, bare] of frozen) {
    const expected = vectorsOf(forward, part, options.target ?? "ort");
    const vectors = writeVectors(expected);
    const model = withMetadata(bare, { ...metadataOf(bare), parity: await digest(vectors), ...more });
    made.push([part, { model, expected, vectors }]);
  }
  return made;
}

/** One number a row, or the latents' own numbers, `[1, latentDim]` where they are the same in every row. */
function thresholds(code: readonly PlainRow[]): HostTensor<"float32"> {
  const own = code.flatMap(({ threshold }) => (typeof threshold === "number" ? [] : [threshold]));
  if (own.length === 0) return column(code.map((row) => row.threshold as number));
  return matrix(own.every((one) => one.every((v, i) => v === own[0]![i])) ? [own[0]!] : own);
}
