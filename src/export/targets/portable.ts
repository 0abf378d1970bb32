import * as op from "../../graph/ops.ts";
import { scope } from "../../graph/value.ts";
import type { Keep } from "../../sae/architecture.ts";
import { decode } from "./decode.ts";
import { fixedK, type Target } from "./target.ts";

/** With t the k-th largest score, z = act(pre) where not score < t, 0 elsewhere. Scores equal to t are all kept, so ties give more than k. */
const keep: Keep = (pre, scores, wanted, act = (values) => values) =>
  scope("select", () => {
    const k = fixedK(wanted);
    const threshold = op.slice(op.topK(scores, k).values, { axis: 1, from: k - 1, to: k });
    return { pre, z: op.where(op.not(op.less(scores, threshold)), act(pre), 0) };
  });

/** Runtimes without ScatterElements: opset 13, latents only; at ties of the k-th largest more than k. */
export const portable: Target = {
  opsetVersion: 13,
  irVersion: 7,
  describe: "other runtimes that have TopK; ties keep more than k",
  keep,
  decode,
};
