import { packModel } from "../../onnx/model.ts";
import type { Model } from "../../onnx/proto.ts";
import { onlyOutputs } from "../../onnx/prune.ts";
import type { Runtime, SessionOptions } from "../../runtime/session.ts";
import type { HostTensor } from "../../util/tensor.ts";
import { type AnyRows, batchesOf } from "../evaluate.ts";
import type { Matching } from "./matching.ts";

/** Which features are in each of some rows, and what these numbers mean. */
interface Active {
  /** `[rows, most]`, filled up with -1. */
  readonly active: HostTensor<"int32">;
  /** `[features]`, -1 for none. */
  readonly parents?: HostTensor<"int32"> | undefined;
}

/** A latent counts as a feature's own from this absolute cosine on, where absorption is looked for. */
const ownFrom = 0.5;
const batchSize = 1024;

/** How well latents tell whether their feature is in a row, by the keys of the metrics files. */
export interface Detection {
  readonly feature_precision: number;
  readonly feature_recall: number;
  readonly feature_f1: number;
  /** `null` where no row has a child and a parent with latents of their own. */
  readonly absorption_rate: number | null;
}

/**
 * Each latent as a detector of the feature nearest to its decoder row, over the first rows of `rows`: precision, recall and F1, 0 where
 * there is nothing to divide by, averaged over all latents (as SAELens counts them: SynthSAEBench, arXiv 2602.14687, section 4).
 *
 * Absorption (Chanin et al. 2024, arXiv 2409.14507): a parent's latent stays silent because a child's latent has taken over its part.
 * Of all rows and features there whose own latent fires, and whose parent has a latent of its own, the share where that is silent.
 */
export async function detectionOf(
  runtime: Runtime,
  model: Model,
  rows: AnyRows,
  { active, parents }: Active,
  { features, nearest, latentOf, matched }: Matching,
  options: SessionOptions = {},
): Promise<Detection> {
  const [count, most] = active.dims as [number, number];
  const latents = nearest.length;
  const [hits, fires] = [new Float64Array(latents), new Float64Array(latents)];
  const present = new Float64Array(features);
  /** The latest row each feature was in. */
  const lastIn = new Int32Array(features).fill(-1);
  let [silent, pairs] = [0, 0];
  /** The latent that is a feature's own, -1 for none. */
  const ownOf = (feature: number): number => {
    const latent = latentOf && feature >= 0 ? latentOf[feature]! : -1;
    return latent >= 0 && matched![latent]! >= ownFrom ? latent : -1;
  };
  const session = await runtime.open(packModel(onlyOutputs(model, ["latents"])), options);
  try {
    let row = 0;
    for await (const activations of batchesOf(rows, batchSize)) {
      if (row >= count) break;
      const z = (await session.run({ activations })).latents!.data as Float32Array;
      for (let at = 0; at < z.length && row < count; at += latents, row++) {
        const here = active.data.subarray(row * most, (row + 1) * most).filter((feature) => feature >= 0);
        for (const feature of here) {
          present[feature]!++;
          lastIn[feature] = row;
        }
        for (let latent = 0; latent < latents; latent++) {
          if (z[at + latent] === 0) continue;
          fires[latent]!++;
          if (lastIn[nearest[latent]!] === row) hits[latent]!++;
        }
        for (const feature of parents ? here : []) {
          const [child, parent] = [ownOf(feature), ownOf(parents!.data[feature]!)];
          if (child < 0 || parent < 0 || z[at + child] === 0) continue;
          pairs++;
          if (z[at + parent] === 0) silent++;
        }
      }
    }
  } finally {
    await session.release();
  }
  let [precision, recall, f1] = [0, 0, 0];
  for (let latent = 0; latent < latents; latent++) {
    const p = ratio(hits[latent]!, fires[latent]!);
    const r = ratio(hits[latent]!, present[nearest[latent]!]!);
    precision += p / latents;
    recall += r / latents;
    f1 += ratio(2 * p * r, p + r) / latents;
  }
  return {
    ...{ feature_precision: precision, feature_recall: recall, feature_f1: f1 },
    absorption_rate: pairs > 0 ? silent / pairs : null,
  };
}

const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0);
