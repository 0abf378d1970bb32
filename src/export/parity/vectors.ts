import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { type ExpectedOutput, type ParityVectors, writeParity } from "../../data/parity.ts";
import { metadataOf, withMetadata } from "../../onnx/model.ts";
import type { Model } from "../../onnx/proto.ts";
import { outputDimOf } from "../../sae/dims.ts";
import type { SaeSpec } from "../../sae/spec.ts";
import { digest } from "../../util/digest.ts";
import type { HostTensor } from "../../util/tensor.ts";
import { type FreezeOptions, freeze, type Part } from "../freeze.ts";
import type { TargetName } from "../targets/index.ts";
import { type WeightTypeName, weightTypes } from "../weights/index.ts";
import { largest } from "../weights/largest.ts";
import { type PlainRow, plainLatents, plainReconstruction } from "./forward.ts";
import { parityRows } from "./rows.ts";
import { plainSums } from "./sums.ts";
import { column, matrix } from "./tensors.ts";

type Rows = readonly ArrayLike<number>[];

/** A checkpoint's forward pass in float64, from the weights as they are stored. */
interface PlainForward {
  readonly config: SaeSpec;
  readonly weights: Checkpoint["tensors"];
  readonly activations: HostTensor<"float32">;
  readonly code: readonly PlainRow[];
}

/** @throws {ConfigError} for an architecture without such loops. */
export function plainForward(
  { config, tensors }: Checkpoint,
  dtype: WeightTypeName,
  rows: (config: SaeSpec, weights: Checkpoint["tensors"]) => HostTensor<"float32"> = parityRows,
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
 * Inputs for a frozen part and the outputs it should give, worked out in float64 loops from the weights as they are stored.
 * Differences of latents are measured in the row's largest pre-activation, those of a reconstruction in its largest entry.
 * @throws {ConfigError} for an architecture without such loops.
 */
export const parityVectors = (
  checkpoint: Checkpoint,
  part: Part,
  { target = "ort", dtype = "float32" }: FreezeOptions = {},
): ParityVectors => vectorsOf(plainForward(checkpoint, dtype), part, target);

/** What a part gives for the rows of a forward pass. */
export function vectorsOf(
  { config, weights, activations, code }: PlainForward,
  part: Part,
  target: TargetName,
): ParityVectors {
  const rows = code.length;
  const inLatents = { scale: column(code.map(({ scale }) => scale)) };
  const latents = { value: matrix(code.map((row) => row.latents)), ...inLatents };
  const decoded = (of: Rows) => of.map((row) => plainReconstruction(config, weights, row));
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
  if (part === "evaluator") {
    const shift = column(new Array<number>(outputDimOf(config)).fill(0));
    // A transcoder's targets may be any rows: its own reconstructions, halved.
    const targets = config.outputDim === undefined ? undefined : matrix(xHat.map((row) => row.map((v) => v / 2)));
    const inputs = { activations, ...(targets ? { targets } : {}), shift };
    return { rows, inputs, outputs: plainSums(code, targets ?? activations, xHat), selection };
  }
  // Magnitudes, in descending order: latents of opposite sign and nearly the same magnitude may come in either order.
  const top = { top_values: { value: matrix(code.map((row) => row.top)), ...inLatents } };
  return {
    rows,
    inputs: { activations },
    outputs: {
      latents,
      ...(target === "ort" && code[0]!.top.length > 0 ? top : {}),
      ...(part === "encoder" ? {} : { reconstruction: asOutput(xHat) }),
    },
    selection,
  };
}

/** A frozen part, and the vectors it is verified on. */
export interface Frozen {
  /** Names the vectors' SHA-256 in its metadata. */
  readonly model: Model;
  readonly expected: ParityVectors;
  /** The vectors as a file. */
  readonly vectors: Uint8Array;
}

/**
 * `freeze` of some parts, in order, with parity vectors, all of one forward pass; `more` is added to the metadata.
 * @throws {ConfigError} as `freeze`.
 */
export async function freezeWithParity(
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
    const vectors = writeParity(expected);
    const model = withMetadata(bare, { ...metadataOf(bare), parity: await digest(vectors), ...more });
    made.push([part, { model, expected, vectors }]);
  }
  return made;
}

/** One number a row, or the latents' own numbers, which are the same in every row: `[1, latentDim]`. */
function thresholds(code: readonly PlainRow[]): HostTensor<"float32"> {
  const { threshold } = code[0]!;
  return typeof threshold === "number" ? column(code.map((row) => row.threshold as number)) : matrix([threshold]);
}
