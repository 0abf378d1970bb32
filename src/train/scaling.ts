/**
 * @file Input scaling and centring: training sees x' = s (x - mean), and targets y' = s_y (y - mean_y); the finished SAE sees x.
 * What was learned is folded so that latents are in units of the targets, z = z' / s_y, which keeps decoder rows as they are:
 *
 *     W_enc = (s / s_y) W_enc'     b_enc = b_enc' / s_y - W_enc mean     W_dec = W_dec'     b_dec = b_dec' / s_y + mean_y
 *
 * A skip connection: W_skip = (s / s_y) W_skip', and b_dec loses W_skip mean.
 * Where the encoder takes b_dec off its input, the mean is in b_dec already: b_enc = b_enc' / s_y. Thresholds are divided by s_y.
 * This holds for encoders whose latents grow with their pre-activations and thresholds: f(c pre, c threshold) = c f(pre, threshold).
 */
import type { TrainConfig } from "../config/config.ts";
import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { outputDimOf } from "../sae/dims.ts";
import { meanOfRows } from "../sae/init.ts";
import { architectureOf, parametersOf, statesOf } from "../sae/spec.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import type { ResidentRows } from "./rows.ts";

type F32 = HostTensor<"float32">;
type V = Value<"float32">;
/** Activations, or a transcoder's targets. */
type Side = "input" | "target";
/** Tensors by name: of a whole state, or of those in it that say how rows are scaled. */
type Tensors = Readonly<Record<string, F32>>;

const sidesOf = ({ outputDim }: TrainConfig): readonly Side[] =>
  outputDim === undefined ? ["input"] : ["input", "target"];

/** The state tensors that say how rows are scaled; none where they are not. */
export function scalingShapes(config: TrainConfig): Readonly<Record<string, readonly number[]>> {
  const width = { input: config.inputDim, target: outputDimOf(config) };
  return Object.fromEntries(
    sidesOf(config).flatMap((side) => [
      ...(config.centre ? [[`${side}_mean`, [width[side]]] as const] : []),
      ...(config.inputScale === "none" ? [] : [[`${side}_scale`, []] as const]),
    ]),
  );
}

/** How the rows of a training are scaled, worked out in float64. */
export function scalingOf(config: TrainConfig, { activations, targets }: ResidentRows): Tensors {
  const made: Record<string, F32> = {};
  for (const side of sidesOf(config)) {
    const { data, dims } = (side === "input" ? activations : targets)!;
    const [rows, width] = dims as [number, number];
    const mean = config.centre ? meanOfRows(data, width) : new Float64Array(width);
    if (config.centre) made[`${side}_mean`] = tensor("float32", [width], Float32Array.from(mean));
    if (config.inputScale !== "none") {
      let squares = 0;
      for (let i = 0; i < data.length; i++) squares += (data[i]! - mean[i % width]!) ** 2;
      const count = config.inputScale === "rows" ? rows : data.length;
      made[`${side}_scale`] = tensor("float32", [], Float32Array.of(squares > 0 ? 1 / Math.sqrt(squares / count) : 1));
    }
  }
  return made;
}

/** Rows as training sees them. */
export function scaledRows(rows: F32, scaling: Tensors, side: Side): F32 {
  const [mean, scale] = [scaling[`${side}_mean`]?.data, scaling[`${side}_scale`]?.data[0] ?? 1];
  if (!mean && scale === 1) return rows;
  const width = rows.dims[1]!;
  return tensor(
    "float32",
    rows.dims,
    rows.data.map((v, i) => (v - (mean?.[i % width] ?? 0)) * scale),
  );
}

/** The same in the graph. */
export function scaledBatch(x: V, state: Readonly<Record<string, V>>, side: Side): V {
  const [mean, scale] = [state[`${side}_mean`], state[`${side}_scale`]];
  const centred = mean ? op.sub(x, mean) : x;
  return scale ? op.mul(centred, scale) : centred;
}

/** `W_enc mean` for every latent, or `W_skip mean` for every output, in float64. */
function timesMean(W_enc: F32, mean: Float32Array): Float64Array {
  const [latents, width] = W_enc.dims as [number, number];
  return Float64Array.from({ length: latents }, (_, latent) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += W_enc.data[latent * width + i]! * mean[i]!;
    return sum;
  });
}

const mapped = ({ dims, data }: F32, f: (value: number, i: number) => number): F32 =>
  tensor("float32", dims, data.map(f));

/** What W_enc x is multiplied by before a bias is added. */
const factor = (tensors: Tensors, gain: string | undefined, latent: number): number =>
  gain === undefined ? 1 : Math.exp(tensors[gain]!.data[latent]!);

/** What the two directions share: the scales, the means, and which tensors are in units of latents. */
function factsOf(config: TrainConfig, scaling: Tensors) {
  const isTranscoder = config.outputDim !== undefined;
  const own = (side: Side, what: string) => scaling[`${side}_${what}`]?.data;
  const scale = own("input", "scale")?.[0] ?? 1;
  const out: Side = isTranscoder ? "target" : "input";
  const plain = architectureOf(config).plain(config.options, config);
  const parameters = parametersOf(config);
  const stored = { ...parameters, ...statesOf(config) };
  const bias = ("bias" in plain && plain.bias) || "b_enc";
  return {
    ...{ scale, outScale: own(out, "scale")?.[0] ?? 1, outMean: own(out, "mean") },
    /** The mean that the encoder's biases must make up for: by name, with the parameter whose exp multiplies W_enc x before it. */
    inMean: plain.inputBias ? undefined : own("input", "mean"),
    biases: Object.entries(parameters).flatMap(([name, { gain }]) =>
      name === bias || gain !== undefined ? [[name, gain] as const] : [],
    ),
    inLatentUnits: Object.keys(stored).filter((name) => stored[name]!.inLatentUnits),
  };
}

/** Parameters and state of a finished training, in units of the rows as they are. */
export function folded(config: TrainConfig, scaling: Tensors, tensors: Tensors): Tensors {
  if (Object.keys(scalingShapes(config)).length === 0) return tensors;
  const { scale, outScale, outMean, inMean, biases, inLatentUnits } = factsOf(config, scaling);
  const after: Record<string, F32> = { ...tensors };
  if (scale !== outScale) after.W_enc = mapped(tensors.W_enc!, (v) => (v * scale) / outScale);
  for (const name of inLatentUnits) after[name] = mapped(tensors[name]!, (v) => v / outScale);
  if (inMean) {
    const lost = timesMean(after.W_enc!, inMean);
    for (const [name, gain] of biases)
      after[name] = mapped(tensors[name]!, (v, i) => v / outScale - factor(tensors, gain, i) * lost[i]!);
  }
  if (tensors.W_skip) after.W_skip = mapped(tensors.W_skip, (v) => (v * scale) / outScale);
  const skipped = after.W_skip && inMean && timesMean(after.W_skip, inMean);
  if (tensors.b_dec)
    after.b_dec = mapped(tensors.b_dec, (v, i) => v / outScale + (outMean?.[i] ?? 0) - (skipped?.[i] ?? 0));
  return after;
}

/** The other way: parameters in units of the rows as they are, as a training on scaled rows takes them. */
export function unfolded(config: TrainConfig, scaling: Tensors, tensors: Tensors): Tensors {
  if (Object.keys(scalingShapes(config)).length === 0) return tensors;
  const { scale, outScale, outMean, inMean, biases, inLatentUnits } = factsOf(config, scaling);
  const before: Record<string, F32> = { ...tensors };
  for (const name of inLatentUnits) if (tensors[name]) before[name] = mapped(tensors[name], (v) => v * outScale);
  if (inMean) {
    const gained = timesMean(tensors.W_enc!, inMean);
    for (const [name, gain] of biases)
      before[name] = mapped(tensors[name]!, (v, i) => (v + factor(tensors, gain, i) * gained[i]!) * outScale);
  }
  if (scale !== outScale) before.W_enc = mapped(tensors.W_enc!, (v) => (v * outScale) / scale);
  if (tensors.W_skip) before.W_skip = mapped(tensors.W_skip, (v) => (v * outScale) / scale);
  const skipped = tensors.W_skip && inMean && timesMean(tensors.W_skip, inMean);
  if (tensors.b_dec)
    before.b_dec = mapped(tensors.b_dec, (v, i) => (v - (outMean?.[i] ?? 0) + (skipped?.[i] ?? 0)) * outScale);
  return before;
}
