/** @file What a configuration's schedules make of the learning rate and of the sparsity, from the steps done so far. */
import type { TrainConfig } from "../../config/config.ts";
import * as op from "../../graph/ops.ts";
import type { Value } from "../../graph/value.ts";
import { largestToCome, scheduled, type Timing } from "../../optim/schedules.ts";
import type { AnySparsity } from "../../sae/architecture.ts";
import { architectureOf, keptPerRow, sparsityOf } from "../../sae/spec.ts";
import type { StateValues } from "./form.ts";

type V = Value<"float32">;

/** Steps of a setting: up to 1 a share of all steps, above 1 so many. */
const inSteps = (value: number, total: number): number => Math.round(value <= 1 ? value * total : value);

/** When the learning rate rises and falls. `totalSteps` is known where this depends on it. */
function timingOf({ schedule, warmup, decay, finalRate, totalSteps = 0 }: TrainConfig): Timing {
  const rising = inSteps(warmup, totalSteps);
  const falling = Math.max(0, Math.min(inSteps(decay, totalSteps), totalSteps - rising));
  return { schedule, warmup: rising, decayFrom: totalSteps - falling, decay: falling, final: finalRate };
}

/** The learning rate of the step that follows `steps_done` others, a scalar. */
export function learningRateNow(config: TrainConfig, { steps_done }: StateValues): V {
  const constant = op.scalarOf("float32", config.learningRate);
  if (config.schedule === "constant" && config.warmup === 0) return constant;
  return op.mul(scheduled(steps_done!, timingOf(config)), constant);
}

/** The share of all steps that are done once the step that follows `steps_done` others is, a scalar; for what is `timed`. */
export const progressNow = (config: TrainConfig, { steps_done }: StateValues): V | undefined =>
  architectureOf(config).timed ? op.div(op.add(steps_done!, 1), config.totalSteps ?? 1) : undefined;

/** The largest learning rate that any step after `done` others will have. */
export const largestRate = (config: TrainConfig, done: number): number =>
  config.learningRate * largestToCome(done, timingOf(config));

/**
 * The architecture's sparsity at this step. With a warm-up a coefficient rises from 0 to what it is; k falls from `sparsityStart`
 * (default ten times k, latentDim at most) to what it is, in a straight line, rounded.
 */
export function sparsityNow(config: TrainConfig, { steps_done }: StateValues): AnySparsity | undefined {
  const value = sparsityOf(config);
  if (value === undefined || config.sparsityWarmup === 0) return value;
  const warmup = inSteps(config.sparsityWarmup, config.totalSteps ?? 0);
  const share = scheduled(steps_done!, { schedule: "constant", warmup, decayFrom: 0, decay: 0, final: 0 });
  if (keptPerRow(config) === undefined) return op.mul(share, value);
  const start = config.sparsityStart > 0 ? config.sparsityStart : Math.min(10 * value, config.latentDim);
  const k = op.add(op.mul(op.sub(1, share), start - value), value + 0.5);
  return op.reshape(op.cast(k, "int64"), [1]);
}
