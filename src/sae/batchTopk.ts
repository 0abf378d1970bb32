import { stopGradient } from "../graph/alias.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { tensor } from "../util/tensor.ts";
import { type Code, defineSae, type Padding } from "./architecture.ts";
import { geometricMedian } from "./init.ts";
import { encodeOffBias, linearDecode, meanSquaredError, tiedParameters } from "./linear.ts";
import { recommended } from "./recommended.ts";
import { relusSaidIn } from "./saidIn.ts";

type V = Value<"float32">;
type Ints = Value<"int64">;

/** How much of the threshold's running mean is kept each step: it follows the last hundred steps or so, as the weights move under it. */
const kept = 0.99;

/** Larger than any latent: stands for "none" where the smallest is sought. */
const large = 3e38;

/**
 * The k times rows largest entries of a whole batch, the others zeroed: z = S * pre with S the mask of the kept, through which no gradient
 * flows. Where shapes are fixed, so is how many are sought: of these, those count whose rank is below k times the batch's own rows.
 */
function keepLargest(pre: V, k: number | Ints, padding: Padding | undefined): Omit<Code, "pre"> {
  const known = stopGradient(pre);
  const flat = op.reshape(padding ? op.mul(known, padding.mask) : known, [-1]);
  const [indices, ones] = padding ? ranked(flat, k as number, pre, padding) : counted(flat, k, pre);
  const mask = op.scatterElements(op.zerosLike(flat), indices, ones, { axis: 0 });
  const z = op.mul(pre, op.reshape(mask, padding ? (pre.shape as number[]) : op.shape(pre)));
  if (padding) return { z };
  // A place in the flat matrix is row * latents + latent.
  const latents = op.slice(op.shape(pre), { axis: 0, from: 1 });
  const before = op.mul(op.div(indices, latents), latents);
  return { z, kept: { values: op.gather(flat, indices), latents: op.sub(indices, before) } };
}

/** Where they stand, and a one for each. */
function counted(flat: V, k: number | Ints, pre: V): [Ints, V] {
  const rows = op.slice(op.shape(pre), { axis: 0, to: 1 });
  const { indices } = op.topK(flat, op.mul(rows, typeof k === "number" ? op.ints(k) : k), { sorted: false });
  return [indices, op.expand(op.scalarOf(pre.dtype, 1), op.shape(indices))];
}

/** The same for a padded batch: `scale` is its size over its own rows. */
function ranked(flat: V, k: number, pre: V, { scale }: Padding): [Ints, V] {
  const count = k * (pre.shape[0] as number);
  const { indices } = op.topK(flat, count);
  const rank = op.constant(
    tensor(
      "float32",
      [count],
      Float32Array.from({ length: count }, (_, i) => i + 0.5),
    ),
  );
  return [indices, op.cast(op.less(rank, op.div(count, scale)), pre.dtype)];
}

/** The largest entry, a scalar; by TopK, as ReduceMax needs more than every CUDA has. */
const largest = (x: V): V => op.squeeze(op.topK(op.reshape(x, [-1]), 1).values, [0]);

/**
 * Training keeps the k times batch largest activations of a batch, so that rows may have more or fewer than k. Inference, which must not
 * depend on a batch, keeps what is above one threshold. Training carries the running mean of the smallest activation that batches kept.
 * A finished training sets the threshold anew, on rows held out (`calibrate`).
 *
 * The mean is corrected for its short memory as Adam's are: weight = 0.99 weight + 1, threshold += (smallest - threshold) / weight. So it
 * is right from the first step on; a mean that starts at 0 lets too many through after short trainings.
 */
export const batchTopK = defineSae({
  name: "batchtopk",
  source: "Bussmann, Leask and Nanda 2024, BatchTopK sparse autoencoders (arXiv 2412.06410)",
  options: {
    k: { type: "integer", min: 1, max: "latentDim", describe: "latents kept per row (batchtopk: on average)" },
  },
  sparsity: "k",
  presets: { bussmann2024: {}, recommended: {} },
  training: recommended({ weightDecay: 1 }),
  params: (dims) => tiedParameters(dims, geometricMedian),
  state: {
    tensors: () => ({
      threshold: { shape: [], inLatentUnits: true, start: 0 },
      threshold_weight: { shape: [], start: 0 },
    }),
    threshold: "threshold",
    next({ code, state: { threshold, threshold_weight } }) {
      const values = code.kept?.values ?? code.z;
      const smallest = op.neg(largest(op.neg(op.where(op.greater(values, 0), values, large))));
      const weight = op.add(op.mul(threshold_weight, kept), 1);
      const moved = op.add(threshold, op.div(op.sub(smallest, threshold), weight));
      // A batch in which nothing fires says nothing.
      const any = op.less(smallest, large);
      return { threshold: op.where(any, moved, threshold), threshold_weight: op.where(any, weight, threshold_weight) };
    },
  },
  encode(x, params, { mode, state, sparsity: k, dims, padding }) {
    const pre = op.relu(encodeOffBias(x, params, dims));
    if (mode === "inference") return { pre, z: op.where(op.greater(pre, state.threshold), pre, 0) };
    return { pre, ...scope("select", () => keepLargest(pre, k, padding)) };
  },
  decode: (z, params) => linearDecode(z, params),
  losses: ({ target, xHat, padding }) => ({ reconstruction: meanSquaredError(target, xHat, padding) }),
  revival: (_options) => ({ pre: encodeOffBias, by: "relu" }),
  constraints: () => ({ W_dec: "unitRowsProjected" }),
  plain: (_options, { outputDim }) => ({
    inputBias: outputDim === undefined,
    gate: (_latent, { threshold }) => Math.max(0, threshold!.data[0]!),
    value: (pre) => Math.max(0, pre),
  }),
  // As SAELens itself saves one: with its threshold it is a JumpReLU.
  saidIn: (_options, dims) => relusSaidIn("jumprelu")({ inputBias: true }, dims),
});
