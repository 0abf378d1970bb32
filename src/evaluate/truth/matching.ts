import { munkres } from "munkres";
import { buildModel } from "../../graph/build.ts";
import * as op from "../../graph/ops.ts";
import { packModel } from "../../onnx/model.ts";
import type { Runtime, SessionOptions } from "../../runtime/session.ts";
import { type HostTensor, sliceRows } from "../../util/tensor.ts";
import { cosines } from "./cosines.ts";

/** Latents compared per run; does not change the numbers. */
const batchSize = 256;
/** Most pairs of a latent and a feature that are matched one to one: half a gigabyte of cosines. */
const mostPairs = 2 ** 27;

/** Which true feature each latent stands for, by the absolute cosine of its decoder row. */
export interface Matching {
  /** How many features there are. */
  readonly features: number;
  /** The feature nearest to each latent; `[latents]`. Several latents may have one. */
  readonly nearest: Int32Array;
  /** The best matching of latents and features one to one: the latent of each feature, -1 for none; `[features]`. */
  readonly latentOf?: Int32Array;
  /** Cosines of those pairs, by latent; 0 for a latent without one. */
  readonly matched?: Float64Array;
}

/**
 * Compares decoder rows `[latents, inputDim]` with true features `[features, inputDim]`. The matching one to one makes the sum of absolute
 * cosines largest (the Hungarian algorithm); it is left out where there are too many pairs for it.
 */
export async function matchingOf(
  runtime: Runtime,
  features: HostTensor<"float32">,
  decoder: HostTensor<"float32">,
  options: SessionOptions = {},
): Promise<Matching> {
  const [count, inputDim] = features.dims as [number, number];
  const latents = decoder.dims[0]!;
  const keep = count * latents <= mostPairs;
  const costs: Float32Array[] = [];
  const nearest = new Int32Array(latents);
  const session = await runtime.open(packModel(model(inputDim)), options);
  try {
    for (let from = 0; from < latents; from += batchSize) {
      const directions = sliceRows(decoder, from, Math.min(from + batchSize, latents));
      const { cost } = await session.run({ directions, features });
      const data = cost!.data as Float32Array;
      for (let i = 0; i < directions.dims[0]!; i++) {
        const row = data.slice(i * count, (i + 1) * count);
        nearest[from + i] = row.reduce((best, value, feature) => (value < row[best]! ? feature : best), 0);
        if (keep) costs.push(row);
      }
    }
  } finally {
    await session.release();
  }
  if (!keep) return { features: count, nearest };
  const latentOf = new Int32Array(count).fill(-1);
  const matched = new Float64Array(latents);
  for (const [latent, feature] of munkres(costs) as [number, number][]) {
    latentOf[feature] = latent;
    matched[latent] = -costs[latent]![feature]!;
  }
  return { features: count, nearest, latentOf, matched };
}

/** From `directions` and `features` to `cost`, minus the absolute cosine of each pair. */
function model(inputDim: number) {
  const directions = op.input("float32", ["latents", inputDim]);
  const features = op.input("float32", ["features", inputDim]);
  const cost = op.neg(op.abs(cosines(directions, features)));
  return buildModel({ name: "matching", inputs: { directions, features }, outputs: { cost } });
}

/** How well decoder rows match the true features, by the keys of the metrics files. */
export function matchingMetrics({ features, nearest, matched }: Matching) {
  return {
    mcc: matched ? matched.reduce((sum, cosine) => sum + cosine, 0) / Math.min(nearest.length, features) : null,
    uniqueness: new Set(nearest).size / nearest.length,
  };
}
