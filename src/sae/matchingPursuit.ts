import { customGradient } from "../graph/alias.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { defineSae, type Keep } from "./architecture.ts";
import { geometricMedian } from "./init.ts";
import { linearDecode, meanSquaredError, tiedParameters } from "./linear.ts";
import { recommended } from "./recommended.ts";

type V = Value<"float32">;

/** Every round adds its nodes to the graph: a Loop has no gradient. */
const mostRounds = 64;

/** Training with more latents works without the products of decoder rows: these would be a matrix of more than 64 MB. */
const mostProducts = 4096;

/** k times the largest product of what is left with a decoder row is kept, and that much of the row taken off what is left. */
function pursued(rest: V, W_dec: V, k: number, keep: Keep): { pre: V; z: V } {
  let left = rest;
  let [pre, z]: (V | undefined)[] = [];
  for (let round = 0; round < k; round++)
    scope(`round_${round}`, () => {
      const products = op.gemm(left, W_dec, { transB: true });
      const { z: taken } = keep(products, products, 1, op.relu);
      pre ??= products;
      z = z ? op.add(z, taken) : taken;
      if (round < k - 1) left = op.sub(left, op.gemm(taken, W_dec));
    });
  return { pre: pre!, z: z! };
}

/**
 * The same latents from the first products p [batch, latentDim] and G = W_dec W_dec^T: taking z_i d_i off a row takes z_i G_i off its products.
 * So a round reads one row of G for each row of the batch, in place of two products of matrices. (Batch OMP: Rubinstein, Zibulevsky and
 * Elad 2008.)
 *
 * Gradient, from the last round to the first, with i the round's latent, v = ReLU(p_i) and dq the cotangent of p after the round, 0 at the end:
 * dv = dz_i - dq . G_i, dG_i -= v dq, dp = dq + [v > 0] dv at i.
 */
function pursuedByProducts(products: V, gram: V, k: number, keep: Keep): V {
  const rounds: { values: V; indices: Value<"int64">; rows: V }[] = [];
  const [latents] = customGradient(
    [products, gram],
    (products, gram) => {
      let left = products;
      let z: V | undefined;
      for (let round = 0; round < k; round++)
        scope(`round_${round}`, () => {
          const { z: taken, top } = keep(left, left, 1, op.relu);
          z = z ? op.add(z, taken) : taken;
          const rows = op.gather(gram, op.squeeze(top!.indices, [1]));
          rounds.push({ ...top!, rows });
          if (round < k - 1) left = op.sub(left, op.mul(top!.values, rows));
        });
      return [z!] as const;
    },
    ([dz]) => {
      if (!dz) return [null, null];
      let dp: V | undefined;
      const [to, by]: [Value<"int64">[], V[]] = [[], []];
      for (const { values, indices, rows } of rounds.toReversed()) {
        let dv = op.gatherElements(dz as V, indices);
        if (dp) {
          dv = op.sub(dv, op.reduceSum(op.mul(dp, rows), { axes: [1], keepDims: true }));
          to.push(indices);
          by.push(op.neg(op.mul(values, dp)));
        }
        const added = op.where(op.greater(values, 0), dv, 0);
        dp = op.scatterElements(dp ?? op.zerosLike(rows), indices, added, { reduction: "add" });
      }
      const [first, ...others] = to;
      const [firstRows, ...otherRows] = by;
      const dGram =
        first && firstRows
          ? op.scatterND(
              op.zerosLike(gram),
              op.concat([first, ...others], 0),
              op.concat([firstRows, ...otherRows], 0),
              {
                reduction: "add",
              },
            )
          : null;
      return [dp!, dGram];
    },
  );
  return latents;
}

/**
 * Encodes with its decoder. What is left of a row starts as x - b_dec; k times the decoder row with the largest product with it, of unit
 * length, is taken off as often as that product says: left = left - z_i d_i with z_i = d_i . left. A round in which no product is above 0
 * takes nothing, and a latent may be taken again, so L0 is at most `k`. Gradients flow through all rounds, none through the choices.
 */
export const matchingPursuit = defineSae({
  name: "matching-pursuit",
  source:
    "Costa et al. 2025, From flat to hierarchical: extracting sparse representations with matching pursuit (arXiv 2506.03093)",
  options: {
    k: {
      type: "integer",
      min: 1,
      max: mostRounds,
      describe: "latents kept per row (matching-pursuit: rounds)",
    },
  },
  presets: { costa2025: {}, recommended: {} },
  // No latent of it dies, and its rows of unit length lose nothing by weight decay.
  training: recommended({ learningRate: 4e-3, auxK: 0 }),
  refuses({ k }, { latentDim, outputDim }) {
    if (outputDim !== undefined)
      return "matching-pursuit takes decoder rows off its input, which a transcoder's are not made for; leave the target out, or choose another architecture";
    return k > latentDim ? `k must be at most latentDim = ${latentDim}, got ${k}` : undefined;
  },
  params(dims) {
    const { W_dec, b_dec } = tiedParameters(dims, geometricMedian);
    return { W_dec, b_dec };
  },
  encode(x, { W_dec, b_dec }, { options: { k }, mode, dims, keep, padding }) {
    const rest = op.sub(x, b_dec);
    // Batches are padded on GPUs, where rows added to one another come out in an order of chance.
    if (mode === "inference" || padding || dims.latentDim > mostProducts) return pursued(rest, W_dec, k, keep);
    const pre = op.gemm(rest, W_dec, { transB: true });
    return { pre, z: pursuedByProducts(pre, op.gemm(W_dec, W_dec, { transB: true }), k, keep) };
  },
  decode: (z, params) => linearDecode(z, params),
  losses: ({ target, xHat, padding }) => ({ reconstruction: meanSquaredError(target, xHat, padding) }),
  constraints: () => ({ W_dec: "unitRowsProjected" }),
  plain: ({ k }) => ({ inputBias: true, pursues: k }),
  saidIn: ({ k: rounds }) => ({
    saelens: { architecture: "matching_pursuit", rounds, untilRepeat: false, untilBelow: 0, inputBias: true },
  }),
});
