import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import type { HostTensor } from "../../src/util/tensor.ts";

/** One row's latents in float64, and by how much the k-th score is above the next, relative to the largest. */
export interface PlainRow {
  readonly latents: Float64Array;
  readonly gap: number;
  /** Largest magnitude of the row's pre-activations. */
  readonly scale: number;
}

/** The forward pass written out in float64 loops: nothing of the graph builder in it. */
export function plainLatents({ config, tensors }: Checkpoint, x: HostTensor<"float32">): PlainRow[] {
  const { inputDim, latentDim, options, architecture } = config;
  const { W_enc, b_enc, b_dec } = tensors as Record<string, HostTensor<"float32"> | undefined>;
  const relu = architecture === "topk-relu";
  const k = options.k as number;
  return Array.from({ length: x.dims[0]! }, (_, row) => {
    const pre = Float64Array.from({ length: latentDim }, (_, latent) => {
      let sum = b_enc!.data[latent]!;
      for (let i = 0; i < inputDim; i++) {
        const centred = x.data[row * inputDim + i]! - (relu ? b_dec!.data[i]! : 0);
        sum += centred * W_enc!.data[latent * inputDim + i]!;
      }
      return sum;
    });
    const score = options.select === "magnitude" ? pre.map(Math.abs) : pre;
    const order = Array.from(pre.keys()).sort((a, b) => score[b]! - score[a]! || a - b);
    const latents = new Float64Array(latentDim);
    for (const at of order.slice(0, k)) latents[at] = relu ? Math.max(0, pre[at]!) : pre[at]!;
    const scale = pre.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const gap = k < latentDim ? (score[order[k - 1]!]! - score[order[k]!]!) / scale : 1;
    return { latents, gap, scale };
  });
}
