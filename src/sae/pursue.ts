import { customGradient, stopGradient } from "../graph/alias.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { tensor } from "../util/tensor.ts";
import type { Keep } from "./architecture.ts";

type V = Value<"float32">;

/** How k times the decoder row with the largest product with what is left of `x [batch, inputDim]` is taken off: first products, latents. */
export type Pursue = (x: V, W_dec: V, k: number, keep: Keep) => { readonly pre: V; readonly z: V };

/** As it is said: two products of matrices a round. Every provider has its ops. */
export const pursue: Pursue = (x, W_dec, k, keep) => {
  let left = x;
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
};

/**
 * The same, to rounding, without products in a round, for CPUs. With p = x W_dec^T and G = W_dec W_dec^T, taking v d_i off a row takes
 * v G_i off its products, so a round reads one row of G for each row of the batch (Rubinstein, Zibulevsky and Elad 2008, Batch-OMP).
 *
 * With i_s and v_s = ReLU(p_(i_s)) the latent and value of round s, p_(i_u) in round u is (x W_dec^T)_(i_u) - sum_(s<u) v_s G_(i_s, i_u).
 * So with dz the cotangent of the latents, the last round first,
 *
 *   delta_s = [v_s > 0] (dz_(i_s) - sum_(u>s) delta_u G_(i_s, i_u)),   dp = sum_s delta_s at i_s,   dG_(i_s, i_u) = -v_s delta_u for s < u,
 *   dx = dp W_dec,   dW_dec = dp^T x + (dG + dG^T) W_dec.
 *
 * All that rounds do in it is small: k values and k x k entries of G a row. Entries of dG are summed where they lie, in the order of rows.
 */
export const pursueByGram: Pursue = (x, W_dec, k) => {
  const latentDim = W_dec.shape[0] as number;
  const pre = op.gemm(stopGradient(x), stopGradient(W_dec), { transB: true });
  const gram = scope("gram", () => op.gemm(stopGradient(W_dec), stopGradient(W_dec), { transB: true }));
  const { values, indices } = rounds(pre, gram, k);
  const zeros = op.zerosLike(pre);
  const [z] = customGradient(
    [x, W_dec],
    () => [op.scatterElements(zeros, indices, values, { reduction: "add" })] as const,
    ([dz]) => {
      if (!dz) return [null, null];
      // Where G has the entry of each pair of rounds of a row, [batch, k, k].
      const places = op.add(op.mul(op.unsqueeze(indices, [2]), latentDim), op.unsqueeze(indices, [1]));
      const pairs = op.gather(op.reshape(gram, [-1]), places);
      const delta = deltas(op.gatherElements(dz as V, indices), values, pairs, k);
      const dp = op.scatterElements(zeros, indices, delta, { reduction: "add" });
      const of = op.mul(op.mul(op.unsqueeze(values, [2]), op.unsqueeze(delta, [1])), op.cast(earlier(k), x.dtype));
      const dGram = op.reshape(
        op.scatterElements(
          op.expand(op.scalarOf(x.dtype, 0), op.ints(latentDim * latentDim)),
          op.reshape(places, [-1]),
          op.reshape(of, [-1]),
          { axis: 0, reduction: "add" },
        ),
        [latentDim, latentDim],
      );
      const dW = op.sub(op.gemm(dp, x, { transA: true }), op.gemm(op.add(dGram, op.transpose(dGram)), W_dec));
      return [op.gemm(dp, W_dec), dW];
    },
  );
  return { pre, z };
};

/** Which latent each round takes, and how much of it, both [batch, k]. */
function rounds(products: V, gram: V, k: number): { values: V; indices: Value<"int64"> } {
  let left = products;
  const taken: { values: V; indices: Value<"int64"> }[] = [];
  for (let round = 0; round < k; round++)
    scope(`round_${round}`, () => {
      const { values: largest, indices } = op.topK(left, 1);
      const values = op.relu(largest);
      taken.push({ values, indices });
      if (round < k - 1) left = op.sub(left, op.mul(values, op.gather(gram, op.squeeze(indices, [1]))));
    });
  const all = <D extends "float32" | "int64">(parts: Value<D>[]) => op.concat(parts as [Value<D>, ...Value<D>[]], 1);
  return { values: all(taken.map((one) => one.values)), indices: all(taken.map((one) => one.indices)) };
}

/** delta [batch, k] from the cotangents of the latents taken, their values and G of their pairs [batch, k, k]. */
function deltas(dz: V, values: V, pairs: V, k: number): V {
  const on = op.cast(op.greater(values, 0), values.dtype);
  const column = (of: V, round: number) => op.slice(of, { axis: 1, from: round, to: round + 1 });
  let left = dz;
  const found: V[] = [];
  for (let round = k - 1; round >= 0; round--) {
    const delta = op.mul(column(on, round), column(left, round));
    found.unshift(delta);
    if (round > 0) left = op.sub(left, op.mul(delta, op.squeeze(column(pairs, round), [1])));
  }
  return op.concat(found as [V, ...V[]], 1);
}

/** [k, k]: 1 where the row is a round before the column. */
const earlier = (k: number): V =>
  op.constant(
    tensor(
      "float32",
      [k, k],
      Float32Array.from({ length: k * k }, (_, i) => (Math.floor(i / k) < i % k ? 1 : 0)),
    ),
  );
