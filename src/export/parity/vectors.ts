import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { ExpectedOutput, ParityVectors } from "../../data/parity.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import type { FreezeOptions, Part } from "../freeze.ts";
import { weightTypes } from "../weights/index.ts";
import { largest } from "../weights/largest.ts";
import { plainLatents, plainReconstruction } from "./forward.ts";
import { parityRows } from "./rows.ts";
import { column, plainSums } from "./sums.ts";

type Rows = readonly ArrayLike<number>[];

/**
 * Inputs for a frozen part and the outputs it should give, worked out in float64 loops from the weights as they are stored.
 * Differences of latents are measured in the row's largest pre-activation, those of a reconstruction in its largest entry.
 * @throws {ConfigError} for an architecture without such loops.
 */
export function parityVectors(
  checkpoint: Checkpoint,
  part: Part,
  { target = "ort", dtype = "float32" }: FreezeOptions = {},
): ParityVectors {
  const { config } = checkpoint;
  const weights = Object.fromEntries(
    Object.entries(checkpoint.tensors).map(([name, value]) => [
      name,
      value.dims.length === 2 ? weightTypes[dtype].rounded(value) : value,
    ]),
  );
  const activations = parityRows(config, weights);
  const code = plainLatents(config, weights, activations);
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
  const selection = {
    threshold: column(code.map(({ threshold }) => threshold)),
    gap: column(code.map(({ gap }) => gap)),
  };
  // Magnitudes, in descending order: latents of opposite sign and nearly the same magnitude may come in either order.
  const top = {
    value: matrix(
      code.map((row) => row.order.slice(0, config.options.k as number).map((at) => Math.abs(row.latents[at]!))),
    ),
    ...inLatents,
  };
  const xHat = part === "encoder" ? [] : decoded(code.map((row) => row.latents));
  if (part === "evaluator") {
    const shift = column(new Array<number>(config.inputDim).fill(0));
    return { rows, inputs: { activations, shift }, outputs: plainSums(code, activations, xHat), selection };
  }
  return {
    rows,
    inputs: { activations },
    outputs: {
      latents,
      ...(target === "ort" ? { top_values: top } : {}),
      ...(part === "encoder" ? {} : { reconstruction: asOutput(xHat) }),
    },
    selection,
  };
}

function matrix(rows: Rows): HostTensor<"float32"> {
  const width = rows[0]!.length;
  const data = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) data.set(row, i * width);
  return tensor("float32", [rows.length, width], data);
}
