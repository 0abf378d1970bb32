import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { evaluate } from "../evaluate/evaluate.ts";
import { freeze } from "../export/freeze.ts";
import type { WeightTypeName } from "../export/weights/index.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import type { Runtime } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sliceRows } from "../util/tensor.ts";

/** What storing the weights with fewer bits costs, on validation rows. */
export interface RoundingLoss {
  /** With float32 weights. */
  readonly explained_variance_float32: number;
  /** With the weights as stored. */
  readonly explained_variance: number;
  /** The first less the second: above 0 it got worse. */
  readonly explained_variance_loss: number;
  /** Share, from 0 to 1, of the latents kept with float32 weights that are not kept any more. */
  readonly selected_latents_lost: number;
  readonly rows: number;
}

/** Rows per run. */
const batchSize = 1024;

/**
 * Measures an SAE whose encoder and decoder are stored as `dtype` beside the one as trained.
 * @throws {ConfigError} when the rows are of another width or have no variance to explain.
 */
export async function roundingLoss(
  runtime: Runtime,
  checkpoint: Checkpoint,
  dtype: WeightTypeName,
  validation: HostTensor<"float32">,
  file: string,
): Promise<RoundingLoss> {
  const [full, stored] = [freeze(checkpoint, "autoencoder"), freeze(checkpoint, "autoencoder", { dtype })];
  const data = { train: sliceRows(validation, 0, 0), validation };
  const explained = async (model: Model) => {
    const { explained_variance: value } = (await evaluate(runtime, model, data, { file })).metrics;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new ConfigError(`${file}: --data has no variance to explain in its ${validation.dims[0]} validation rows`);
  };
  const [before, after] = [await explained(full), await explained(stored)];
  return {
    explained_variance_float32: before,
    explained_variance: after,
    explained_variance_loss: before - after,
    selected_latents_lost: await latentsLost(runtime, full, stored, validation),
    rows: validation.dims[0]!,
  };
}

async function latentsLost(runtime: Runtime, full: Model, stored: Model, x: HostTensor<"float32">): Promise<number> {
  const sessions = [await runtime.open(packModel(full)), await runtime.open(packModel(stored))] as const;
  try {
    let [kept, lost] = [0, 0];
    for (let from = 0; from < x.dims[0]!; from += batchSize) {
      const activations = sliceRows(x, from, Math.min(from + batchSize, x.dims[0]!));
      const before = (await sessions[0].run({ activations })).latents!.data as Float32Array;
      const after = (await sessions[1].run({ activations })).latents!.data as Float32Array;
      for (const [i, z] of before.entries())
        if (z !== 0) {
          kept++;
          if (after[i] === 0) lost++;
        }
    }
    return kept === 0 ? 0 : lost / kept;
  } finally {
    for (const session of sessions) await session.release();
  }
}
