import { loop } from "../graph/control.ts";
import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { defineSae } from "./architecture.ts";
import { linearDecode } from "./linear.ts";
import { encoderInput, frozen, inputOptions, linear } from "./pretrained.ts";

type V = Value<"float32">;

/**
 * An SAE trained elsewhere that encodes with its decoder. What is left of a row starts as its input; in each round the decoder row with
 * the largest product with it is taken off so often, and that product, where above 0, is added to its latent. A row is done once a
 * round takes no new latent (`untilRepeat`), or less than `untilBelow` is left of it.
 */
export const pretrainedPursuit = defineSae({
  ...frozen,
  name: "pretrained-matching-pursuit",
  source: "Costa et al. 2025 (arXiv 2506.03093); SAELens matching_pursuit",
  options: {
    rounds: { type: "integer", min: 1, describe: "most rounds" },
    untilRepeat: { type: "boolean", default: false, describe: "whether a round without a new latent ends a row" },
    untilBelow: {
      type: "number",
      min: 0,
      default: 0,
      describe: "a row ends when less than this length is left; 0: never",
    },
    ...inputOptions,
  },
  // Rebuilt is what was taken off: a b_dec that is not taken off the input is not added either.
  params(dims, { inputBias }) {
    const { W_dec, b_dec } = linear(dims);
    return { W_dec, b_dec: inputBias ? b_dec : undefined };
  },
  refuses: (_options, { outputDim }) =>
    outputDim === undefined
      ? undefined
      : "matching pursuit takes decoder rows off its input, a transcoder has none there",
  encode(x, params, { options: { rounds, untilRepeat, untilBelow, ...options }, keep }) {
    const { W_dec } = params;
    const left = encoderInput(x, params, options);
    const product = (rows: V) => op.gemm(rows, W_dec, { transB: true });
    const pre = product(left);
    const { state } = loop({
      trips: op.scalarOf("int64", rounds),
      state: { left, z: op.zerosLike(pre), active: op.add(op.zerosLike(op.reduceMax(pre, along)), 1) },
      body(_step, { left, z, active }) {
        const products = product(left);
        const taken = op.mul(keep(products, products, 1, op.relu).z, active);
        const after = op.sub(left, op.gemm(taken, W_dec));
        const isNew = op.greater(op.reduceMax(op.where(op.greater(z, 0), 0, taken), along), 0);
        const isLong = op.not(op.less(op.sqrt(op.reduceSum(op.mul(after, after), along)), untilBelow));
        const still = [...(untilRepeat ? [isNew] : []), ...(untilBelow > 0 ? [isLong] : [])];
        const next = still.reduce((sum, one) => op.mul(sum, op.cast(one, "float32")), active);
        const goOn = op.greater(op.reduceMax(next, { keepDims: false }), 0);
        return { state: { left: after, z: op.add(z, taken), active: next }, outputs: {}, goOn };
      },
    });
    return { pre, z: state.z };
  },
  decode: (z, params) => linearDecode(z, params),
  plain: ({ rounds, untilRepeat, untilBelow, inputBias, normalise }) => ({
    ...{ inputBias, normalise, pursues: rounds, untilRepeat, untilBelow },
  }),
  saidIn: ({ rounds, untilRepeat, untilBelow, inputBias }) => ({
    saelens: { architecture: "matching_pursuit", rounds, untilRepeat, untilBelow, inputBias },
  }),
});

const along = { axes: [1], keepDims: true } as const;
