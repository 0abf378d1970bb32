import { customGradient, stopGradient } from "../graph/alias.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import type { Keep } from "./architecture.ts";

type V = Value<"float32">;

/** The plain way to keep the largest: TopK over each row; ties go to the lower index. */
export const keepTop: Keep = (pre, scores, k, act = (values) => values) =>
  scope("select", () => {
    const { indices } = op.topK(stopGradient(scores), k);
    const values = act(entries(pre, indices));
    return { pre, z: place(values, indices, op.zerosLike(stopGradient(pre))), top: { values, indices } };
  });

/**
 * The same where it is quickest on a CPU: `top` is in any order, as TopK's heap need not be emptied in order; and with S the mask of
 * the kept, z = S * act(pre), whose gradient needs no second scatter, which one thread does.
 */
export const keepTopByMask: Keep = (pre, scores, k, act = (values) => values) =>
  scope("select", () => {
    const { indices } = op.topK(stopGradient(scores), k, { sorted: false });
    const ones = op.expand(op.scalarOf(pre.dtype, 1), op.shape(indices));
    const mask = op.scatterElements(op.zerosLike(stopGradient(pre)), indices, ones);
    const z = op.mul(act(pre), mask);
    return { pre, z, top: { values: op.gatherElements(z, indices), indices } };
  });

/** Entries at distinct places of each row. dx = zeros but for the cotangents at those places: no sums, as none repeats. */
const entries = (x: V, indices: Value<"int64">): V =>
  customGradient(
    [x],
    (x) => [op.gatherElements(x, indices)] as const,
    ([dy]) => [dy && op.scatterElements(op.zerosLike(x), indices, dy)],
  )[0];

/** Zeros but for values at distinct places of each row. dvalues = the cotangents at those places. */
export const place = (values: V, indices: Value<"int64">, zeros: V): V =>
  customGradient(
    [values],
    (values) => [op.scatterElements(zeros, indices, values)] as const,
    ([dz]) => [dz && op.gatherElements(dz, indices)],
  )[0];
