import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import type { Padding } from "./architecture.ts";
import type { Dims } from "./dims.ts";
import { copyOf, type Init, uniform, unitRows, zeros } from "./init.ts";

type V = Value<"float32">;

/**
 * Parameters of an SAE whose encoder starts as its decoder's transpose: decoder rows of unit length, b_enc zero, b_dec as `bias` makes it.
 * A transcoder's encoder cannot be a copy, as its decoder is in another space; it starts with unit rows of its own.
 */
export const tiedParameters = ({ inputDim, latentDim, outputDim }: Dims, bias: Init) =>
  ({
    W_dec: { shape: [latentDim, outputDim ?? inputDim], perLatent: true, init: unitRows(uniform(latentDim)) },
    W_enc: {
      shape: [latentDim, inputDim],
      perLatent: true,
      init: (outputDim ?? inputDim) === inputDim ? copyOf("W_dec") : unitRows(uniform(latentDim)),
    },
    b_enc: { shape: [latentDim], perLatent: true, inLatentUnits: true, init: zeros },
    b_dec: { shape: [outputDim ?? inputDim], perLatent: false, init: bias },
  }) as const;

/** `W_enc (x - b_dec) + b_enc`. A transcoder's b_dec lives among its targets and has nothing to do with its input: `W_enc x + b_enc`. */
export const encodeOffBias = (x: V, { b_dec, ...params }: { W_enc: V; b_enc: V; b_dec: V }, { outputDim }: Dims): V =>
  linearEncode(outputDim === undefined ? op.sub(x, b_dec) : x, params);

/** Pre-activations `W_enc x + b_enc`, `[batch, latentDim]`. */
export function linearEncode(x: V, { W_enc, b_enc }: { W_enc: V; b_enc: V }): V {
  const order = orderOf(W_enc);
  if (!order) return op.gemm(x, W_enc, { bias: b_enc, transB: true });
  // A product for each part, and its transpose, as rows are put in order faster than columns.
  const products = partsOf(order.rows).map((W) => op.gemm(W, x, { transB: true }));
  return op.add(op.transpose(op.gather(op.concat(products as [V, ...V[]], 0), order.numbers)), b_enc);
}

/** Reconstruction: the sum of the kept rows of `W_dec`, plus `b_dec` where there is one; `[batch, inputDim]`. */
export const linearDecode = (z: V, { W_dec, b_dec }: { W_dec: V; b_dec?: V | undefined }): V =>
  op.gemm(z, W_dec, b_dec ? { bias: b_dec } : {});

/** The matrix whose rows another one has in another order, and the numbers of these rows. */
const orderOf = ({ node }: V): { rows: V; numbers: Value<"int64"> } | undefined =>
  node.kind === "op" && node.op === "Gather" && node.attributes.axis === 0
    ? { rows: node.inputs[0] as V, numbers: node.inputs[1] as Value<"int64"> }
    : undefined;

/** The rows a matrix was put together from: products can run over them one by one, and need no whole matrix. */
const partsOf = (W: V): readonly V[] =>
  W.node.kind === "op" && W.node.op === "Concat" && W.node.attributes.axis === 0 ? (W.node.inputs as V[]) : [W];

/** The mean over the batch's rows of one number each, `[batch, 1]`. */
export const meanOverRows = (perRow: V, padding?: Padding): V =>
  padding ? op.mul(op.reduceMean(op.mul(perRow, padding.mask)), padding.scale) : op.reduceMean(perRow);

/** Mean squared error over the batch's rows and dimensions. A batch without padding gives the same bits with and without its mask. */
export const meanSquaredError = (x: V, xHat: V, padding?: Padding): V => {
  const error = op.sub(xHat, x);
  return padding ? op.mul(op.meanSquare(op.mul(error, padding.mask)), padding.scale) : op.meanSquare(error);
};
