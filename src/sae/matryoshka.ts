import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { sizesIn } from "../util/sizes.ts";
import type { Architecture } from "./architecture.ts";
import { batchTopK } from "./batchTopk.ts";
import { linearDecode, meanSquaredError } from "./linear.ts";

type V = Value<"float32">;

/**
 * BatchTopK whose first latents reconstruct by themselves: for nested sizes m_1 < ... < m_G = latentDim the loss is the mean over g of
 * |x - (z[1..m_g] W_dec[1..m_g] + b_dec)|^2 / outputDim. So general features come first and finer ones after them. One selection over all
 * latents; encoder, threshold and constraint are BatchTopK's.
 */
export const matryoshka: Architecture = {
  ...batchTopK,
  name: "matryoshka",
  source:
    "Bussmann, Nabeshima, Karvonen and Nanda 2025, Learning multi-level features with Matryoshka SAEs (arXiv 2503.17547)",
  options: {
    ...batchTopK.options,
    nested: {
      type: "sizes",
      default: "0.03125:0.09375:0.21875:0.46875",
      describe: "nested sizes, the first latents that reconstruct alone, such as 64:256:1024; below 1: shares of all",
    },
  },
  presets: { bussmann2025: {}, recommended: {} },
  losses({ target, xHat, beside, code: { z }, params, options: { nested }, dims, padding }) {
    const { W_dec, b_dec } = params as { readonly W_dec: V; readonly b_dec: V };
    const sizes = sizesIn("nested", nested, dims.latentDim);
    const levels: V[] = [];
    let sum = beside;
    scope("nested", () => {
      for (const [i, to] of sizes.slice(0, -1).entries()) {
        const from = sizes[i - 1] ?? 0;
        const block = linearDecode(op.slice(z, { axis: 1, from, to }), {
          W_dec: op.slice(W_dec, { axis: 0, from, to }),
          ...(i > 0 ? {} : { b_dec }),
        });
        sum = sum ? op.add(sum, block) : block;
        levels.push(meanSquaredError(target, sum, padding));
      }
    });
    const all = [...levels, meanSquaredError(target, xHat, padding)];
    return {
      reconstruction: op.div(
        all.reduce((total, one) => op.add(total, one)),
        all.length,
      ),
    };
  },
};
