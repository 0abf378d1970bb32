import { type TrainConfig, timedFor } from "../config/config.ts";
import type { Runtime } from "../runtime/session.ts";
import { parametersOf } from "../sae/spec.ts";
import { type Rows, residentOf } from "./rows.ts";
import { shuffledBatches } from "./runs/batches.ts";
import type { TrainState } from "./state.ts";
import { Trainer } from "./trainer.ts";
import type { WrapperName } from "./wrappers/index.ts";

/** What the first steps of a training gave: the loss of each before its update, and the state after the last. */
export interface FirstSteps {
  readonly losses: Float32Array;
  readonly state: TrainState;
}

/** The first `count` steps of a configuration from its own first weights, in the order a training would take them. */
export async function firstSteps(
  runtime: Runtime,
  given: TrainConfig,
  rows: Rows,
  { count, wrapper, threads }: { count: number; wrapper?: WrapperName; threads?: number | undefined },
): Promise<FirstSteps> {
  const rowCount = residentOf(rows).activations.dims[0]!;
  const config = timedFor(given, rowCount);
  const epochs = Math.ceil(count / Math.ceil(rowCount / config.batchSize));
  const { order, bounds } = shuffledBatches(config, rowCount, [...Array(epochs).keys()]);
  const trainer = await Trainer.open(runtime, config, rows, { threads, ...(wrapper ? { wrapper } : {}) });
  try {
    const losses = await trainer.run({ order, bounds: bounds.slice(0, count) });
    return { losses, state: trainer.state };
  } finally {
    await trainer.release();
  }
}

/** How far two trainings are apart; `NaN` where one is no number. */
export interface Distance {
  /** Largest difference of a step's loss, relative to it. */
  readonly loss: number;
  /** Largest difference of a parameter's entry. */
  readonly largestWeight: number;
  /** Length of the difference of all parameters, relative to theirs. */
  readonly weights: number;
}

/** The distance of a training from another, the reference. */
export function distance(config: TrainConfig, one: FirstSteps, reference: FirstSteps): Distance {
  const loss = reference.losses.reduce((most, v, i) => Math.max(most, Math.abs(one.losses[i]! / v - 1)), 0);
  let [largestWeight, squares, whole] = [0, 0, 0];
  for (const name of Object.keys(parametersOf(config)))
    for (const [i, v] of reference.state[name]!.data.entries()) {
      const difference = one.state[name]!.data[i]! - v;
      largestWeight = Math.max(largestWeight, Math.abs(difference));
      squares += difference * difference;
      whole += v * v;
    }
  return { loss, largestWeight, weights: Math.sqrt(squares / whole) };
}
