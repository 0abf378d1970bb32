import { stopGradient } from "../graph/alias.ts";
import * as op from "../graph/ops.ts";
import { scope } from "../graph/value.ts";
import { defineSae } from "./architecture.ts";
import { zeros } from "./init.ts";
import { encodeOffBias, linearDecode, meanOverRows, meanSquaredError, tiedParameters } from "./linear.ts";
import type { PlainTensors } from "./plain.ts";
import { recommended } from "./recommended.ts";
import { relusSaidIn } from "./saidIn.ts";

/**
 * Which latents are on is decided apart from how large they are. With u = W_enc (x - b_dec), pi = u + b_gate:
 * z = [pi > 0] ReLU(exp(r_mag) u + b_mag). No gradient flows through [pi > 0], so gates learn from two losses of their own:
 *
 * - `sparsity`: lambda sum ReLU(pi)
 * - `gate`: |x - (ReLU(pi) W_dec + b_dec)|^2 with this W_dec and b_dec held still
 *
 * All losses are divided by outputDim and are means over rows, so that `lambda` means what it means where squared errors are summed.
 */
export const gated = defineSae({
  name: "gated",
  source: "Rajamanoharan et al. 2024, Improving dictionary learning with gated sparse autoencoders (arXiv 2404.16014)",
  options: {
    lambda: {
      type: "number",
      min: 0,
      describe: "weight of the sum of open gates, where squared errors are summed over dimensions",
    },
  },
  sparsity: "lambda",
  presets: { "rajamanoharan2024-gated": {}, recommended: {} },
  // AuxK was tried: with dead latents' values of either sign more of them died, not fewer.
  training: recommended({ auxK: 0 }),
  params(dims) {
    const { b_enc: b_gate, ...tied } = tiedParameters(dims, zeros);
    const perLatent = { shape: [dims.latentDim], perLatent: true, init: zeros } as const;
    return { ...tied, b_gate, r_mag: perLatent, b_mag: { ...perLatent, inLatentUnits: true, gain: "r_mag" } };
  },
  encode(x, { b_gate, r_mag, b_mag, ...params }, { dims }) {
    const pi = encodeOffBias(x, { ...params, b_enc: b_gate }, dims);
    const magnitude = op.add(op.mul(op.sub(pi, b_gate), op.exp(r_mag)), b_mag);
    return { pre: pi, z: op.where(op.greater(pi, 0), op.relu(magnitude), 0) };
  },
  decode: (z, params) => linearDecode(z, params),
  losses({ target, xHat, beside, code, params: { W_dec, b_dec }, sparsity: lambda, padding }) {
    const gates = op.relu(code.pre);
    const size = meanOverRows(op.reduceSum(gates, { axes: [1], keepDims: true }), padding);
    const still = { W_dec: stopGradient(W_dec), b_dec: stopGradient(b_dec) };
    const ofGates = () => {
      const sum = linearDecode(gates, still);
      return beside ? op.add(sum, stopGradient(beside)) : sum;
    };
    return {
      reconstruction: meanSquaredError(target, xHat, padding),
      sparsity: op.mul(op.div(size, W_dec.shape[1] as number), lambda),
      gate: scope("gate", () => meanSquaredError(target, ofGates(), padding)),
    };
  },
  revival: (_options) => ({
    pre: (x, { b_gate, ...params }, dims) => encodeOffBias(x, { ...params, b_enc: b_gate }, dims),
    by: "relu",
  }),
  constraints: () => ({ W_dec: "unitRowsProjected" }),
  // Above its gate a latent is on: where the gate opens, or where its magnitude gets above 0, whichever comes later.
  plain(_options, { outputDim }) {
    const grows = (latent: number, { b_gate, r_mag, b_mag }: PlainTensors) =>
      b_gate!.data[latent]! - b_mag!.data[latent]! / Math.exp(r_mag!.data[latent]!);
    return {
      ...{ inputBias: outputDim === undefined, bias: "b_gate" },
      gate: (latent, tensors) => Math.max(0, grows(latent, tensors)),
      jumps: (latent, tensors) => grows(latent, tensors) < 0,
      value: (pre, latent, { b_gate, r_mag, b_mag }) =>
        Math.max(0, Math.exp(r_mag!.data[latent]!) * (pre - b_gate!.data[latent]!) + b_mag!.data[latent]!),
    };
  },
  saidIn: (_options, dims) => relusSaidIn("gated")({ inputBias: true }, dims),
});
