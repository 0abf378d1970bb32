import { trainConfig } from "../config/config.ts";
import { writeSafetensors } from "../data/safetensors.ts";
import { type PlainRow, plainLatents, plainReconstruction } from "../export/vectors/forward.ts";
import { rowLengths, scaledRows, transposed } from "../formats/weights.ts";
import type { SaeSpec } from "../sae/spec.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import { type Case, cases } from "./cases.ts";
import { readme } from "./readme.ts";
import { runner } from "./runner.ts";
import { made, stored } from "./weights.ts";

type F32 = HostTensor<"float32">;
type Weights = Readonly<Record<string, F32>>;

/** Every file of the kit, by its name: manifest, cases, runner, and how to use them. */
export function conformanceKit(): Readonly<Record<string, Uint8Array | string>> {
  const files: Record<string, Uint8Array | string> = { "README.md": readme, "check.py": runner };
  const manifest = cases.map((one) => {
    const { input, expected, tied } = filesOf(one);
    files[`cases/${one.name}.input.safetensors`] = input;
    files[`cases/${one.name}.expected.safetensors`] = expected;
    return { name: one.name, trap: one.trap, dtype: one.dtype ?? "float32", rows_with_ties: tied, sae: one.settings };
  });
  files["kit.json"] =
    `${JSON.stringify({ format: "sae-onnx conformance kit", version: 1, tolerance, cases: manifest }, null, 1)}\n`;
  return files;
}

/** Share of a row's largest number that values may be off by. */
const tolerance = 1e-5;

const normalisations = {
  none: "none",
  factor: "none",
  layer_norm: "layer-norm",
  constant_norm: "constant-norm",
} as const;

function filesOf(one: Case) {
  const { settings, ours, dims = {}, dtype, skip = false } = one;
  const { input: inputDim = 12, latents: latentDim = 24 } = dims;
  const options = {
    ...ours.options,
    inputBias: settings.subtract_b_dec,
    normalise: normalisations[settings.normalise],
  };
  const config: SaeSpec = trainConfig({
    ...{ architecture: ours.architecture, preset: "saelens", inputDim, latentDim, skip, epochs: 0 },
    ...(settings.transcoder ? { outputDim: dims.output ?? inputDim } : {}),
    options,
  });
  const drawn = made(one, config);
  const kept = Object.entries(drawn.weights).map(
    ([name, value]) => [name, dtype ? stored(value, dtype).read : value] as const,
  );
  const weights = Object.fromEntries(kept);
  const all = computed(one, config, weights, drawn.x);
  // Where rounding alone may choose, nothing is expected.
  const clear = [...all.code.keys()].filter((row) => one.made !== undefined || all.code[row]!.gap > tolerance);
  const [latents, xHat, code] = [all.latents, all.xHat, all.code].map((rows) => clear.map((row) => rows[row]!)) as [
    Float64Array[],
    Float64Array[],
    PlainRow[],
  ];
  const inputs = clear.map((row) => drawn.x.data.subarray(row * inputDim, (row + 1) * inputDim));
  const tied = inputs.map((x) => tiedIn(one, weights, x, latentDim));
  const matrix = (values: readonly ArrayLike<number>[]) =>
    tensor("float32", [values.length, values[0]!.length], Float32Array.from(values.flatMap((row) => Array.from(row))));
  const written = Object.entries(drawn.weights).map(([name, value]): [string, HostTensor] => {
    const there = name === "W_enc" ? transposed(value) : value;
    return [name, dtype ? stored(there, dtype).bits : there];
  });
  const coarse = dtype === "bfloat16" ? written.map(([name]) => name) : [];
  return {
    input: writeSafetensors(
      { x: matrix(inputs), ...Object.fromEntries(written) },
      { sae: JSON.stringify(settings) },
      coarse,
    ),
    expected: writeSafetensors({
      latents: matrix(latents),
      reconstruction: matrix(xHat),
      scale: tensor(
        "float32",
        [code.length],
        Float32Array.from(code, ({ scale }) => scale),
      ),
      tied: matrix(tied),
    }),
    tied: tied.filter((row) => row.some((value) => value !== 0)).length,
  };
}

/** What the SAE gives in float64, with what stands outside the weights folded in. */
function computed(one: Case, config: SaeSpec, weights: Weights, x: F32) {
  const { factor = 1, rescale_by_decoder_norm: rescales } = one.settings;
  const lengths = rescales ? rowLengths(weights.W_dec!) : [];
  const own: Weights = rescales
    ? {
        ...weights,
        W_enc: scaledRows(weights.W_enc!, lengths),
        b_enc: scaledRows(weights.b_enc!, lengths),
        W_dec: scaledRows(
          weights.W_dec!,
          lengths.map((length) => 1 / length),
        ),
      }
    : weights;
  const seen = tensor(
    "float32",
    x.dims,
    x.data.map((value) => value * factor),
  );
  const code = plainLatents(config, own, seen);
  const latents = code.map((row) => row.latents);
  const xHat = latents.map((z, row) => {
    const from = row * config.inputDim;
    return plainReconstruction(config, own, z, seen.data.subarray(from, from + config.inputDim)).map((v) => v / factor);
  });
  return { latents, xHat, code };
}

/** What a latent is where it is kept; only those that may be kept instead of others are named, by their scores' being equal. */
function tiedIn(
  { made: how, settings }: Case,
  { W_enc, b_enc }: Weights,
  x: Float32Array,
  latentDim: number,
): Float64Array {
  const pre = Float64Array.from(b_enc?.data ?? new Float32Array(latentDim));
  if (how !== "ties" || settings.architecture !== "topk") return pre.fill(0);
  for (let latent = 0; latent < pre.length; latent++)
    for (let i = 0; i < x.length; i++) pre[latent]! += x[i]! * W_enc!.data[latent * x.length + i]!;
  const scores = pre.map((value) => (settings.select === "magnitude" ? Math.abs(value) : Math.max(value, 0)));
  const [least, next] = Array.from(scores.toSorted((a, b) => b - a)).slice(settings.k! - 1) as [number, number];
  return pre.map((value, latent) => (least > 0 && least === next && scores[latent] === least ? value : 0));
}
