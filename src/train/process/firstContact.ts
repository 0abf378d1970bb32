import type { TrainConfig } from "../../config/config.ts";
import type { Runtime } from "../../runtime/session.ts";
import { RuntimeFailure } from "../../util/errors.ts";
import { type Distance, distance, firstSteps } from "../firstSteps.ts";
import type { Rows } from "../rows.ts";

/** Steps that are compared. In longer trainings a rounding error may choose another latent, and the trainings then go different ways. */
const steps = 20;

/**
 * How far a GPU may be from the CPU after these steps. They were set before any GPU was measured.
 * TF32 rounds the factors of products to 11 bits, float32 to 24.
 *
 * Weights are compared by the length of their difference, not entry by entry. Adam moves a weight by up to the learning rate
 * a step, however small its gradient. So a weight whose gradient is all rounding error may go the other way.
 */
const bounds = {
  on: { loss: 1e-2, weights: 1e-1 },
  off: { loss: 1e-4, weights: 1e-2 },
} as const;

/** How far a GPU's first training was from the CPU's. The metrics file keeps it. */
export interface FirstContact extends Distance {
  readonly provider: string;
  readonly steps: number;
  /** Whether products may be rounded to TF32. */
  readonly tf32: "on" | "off";
  readonly bounds: { readonly loss: number; readonly weights: number };
}

/**
 * Trains the first 20 steps on a provider and on the CPU from the same state.
 * @throws {RuntimeFailure} with the numbers when they are further apart than the bounds.
 */
export async function firstContact(
  runtime: Runtime,
  cpu: Runtime,
  config: TrainConfig,
  rows: Rows,
  tf32: "on" | "off",
): Promise<FirstContact> {
  const here = await firstSteps(runtime, config, rows, { count: steps });
  const reference = await firstSteps(cpu, config, rows, { count: steps });
  const found = distance(config, here, reference);
  const bound = bounds[tf32];
  if (!(found.loss <= bound.loss && found.weights <= bound.weights))
    throw new RuntimeFailure(
      `${runtime.provider} does not train as the CPU does: after ${steps} steps from the same state losses are ${found.loss.toExponential(1)} apart ` +
        `(bound ${bound.loss}), weights ${found.weights.toExponential(1)} (bound ${bound.weights}), relative, TF32 ${tf32}; ` +
        `${tf32 === "on" ? "try --no-tf32, or " : ""}use --provider cpu, and check the GPU's driver`,
    );
  return { provider: runtime.provider, steps, tf32, bounds: bound, ...found };
}
