import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { defineSae } from "./architecture.ts";
import { geometricMedian } from "./init.ts";
import { linearDecode, meanSquaredError, tiedParameters } from "./linear.ts";
import { recommended } from "./recommended.ts";

type V = Value<"float32">;

/** Every round adds its nodes to the graph: a Loop has no gradient. */
const mostRounds = 64;

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
  // Hardly a latent of it dies, and its rows of unit length lose nothing by weight decay.
  training: recommended({ auxK: 0 }),
  refuses({ k }, { latentDim, outputDim }) {
    if (outputDim !== undefined)
      return "matching-pursuit takes decoder rows off its input, which a transcoder's are not made for; leave the target out, or choose another architecture";
    return k > latentDim ? `k must be at most latentDim = ${latentDim}, got ${k}` : undefined;
  },
  params(dims) {
    const { W_dec, b_dec } = tiedParameters(dims, geometricMedian);
    return { W_dec, b_dec };
  },
  encode(x, { W_dec, b_dec }, { options: { k }, keep }) {
    let left = op.sub(x, b_dec);
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
  },
  decode: (z, params) => linearDecode(z, params),
  losses: ({ target, xHat, padding }) => ({ reconstruction: meanSquaredError(target, xHat, padding) }),
  revival: (_options) => ({
    pre: (x, { W_dec, b_dec }) => op.gemm(op.sub(x, b_dec), W_dec, { transB: true }),
    by: "relu",
  }),
  constraints: () => ({ W_dec: "unitRowsProjected" }),
  plain: ({ k }) => ({ inputBias: true, pursues: k }),
  saidIn: ({ k: rounds }) => ({
    saelens: { architecture: "matching_pursuit", rounds, untilRepeat: false, untilBelow: 0, inputBias: true },
  }),
});
