import * as op from "../../graph/ops.ts";
import { scope } from "../../graph/value.ts";
import type { Keep } from "../../sae/architecture.ts";
import { ConfigError } from "../../util/errors.ts";
import { tensor } from "../../util/tensor.ts";
import { decode } from "./decode.ts";
import { fixedK, type Target } from "./target.ts";

/** Each round is five nodes over the whole row. */
const largestK = 20;

/**
 * Without TopK: k - 1 times the largest score m is set to zero, a = a sign(m - a); then m is the k-th largest, and
 * z = v - v relu(sign(m - s)) with s the scores and v the values. Needs scores of 0 or more; equal ones count once.
 * m is spread over the row by a product with ones: OpenCV 4.6 does not broadcast [batch, 1].
 */
const keep: Keep = (pre, given, wanted, act) => {
  const k = fixedK(wanted);
  if (k > largestK)
    throw new ConfigError(
      `target compat: k = ${k} takes ${k} rounds over every row, ${largestK} are the most; use target portable`,
    );
  if (given === pre && !act)
    throw new ConfigError(
      "target compat: select value keeps negative numbers too, which it cannot; use target portable",
    );
  return scope("select", () => {
    const values = act ? act(pre) : pre;
    const scores = given === pre ? values : given;
    const width = pre.shape[1] as number;
    const ones = op.constant(tensor("float32", [1, width], new Float32Array(width).fill(1)));
    let left = scores;
    const largest = () => op.matMul(op.reduceMax(left, { axes: [1], keepDims: true }), ones);
    for (let round = 1; round < k; round++) left = op.mul(left, op.sign(op.sub(largest(), left)));
    return { pre, z: op.sub(values, op.mul(values, op.relu(op.sign(op.sub(largest(), scores))))) };
  });
};

/** Runtimes without TopK (OpenCV 4.6, onnxjs): k of 20 at most, rows of distinct magnitudes, latents only. */
export const compat: Target = {
  opsetVersion: 13,
  irVersion: 7,
  describe: "old runtimes without TopK; k up to 20, distinct magnitudes only",
  without: ["TopK", "Where", "Greater", "Less", "GatherElements", "ScatterElements"],
  keep,
  decode,
};
