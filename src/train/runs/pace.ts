import type { TrainConfig } from "../../config/config.ts";
import type { Batches } from "./batches.ts";

/** Assumed speed of copying the state, in bytes a second. CPU: the copies that the binding and the graph make. GPU: PCIe 3.0 as well. */
const bandwidth = { cpu: 2.5e9, gpu: 6e9 } as const;
/** Seconds that a run takes besides, for its call and what is told of it. */
const besides = { cpu: 5e-4, gpu: 0 } as const;
/** The largest share of the time that copying a run's inputs and outputs may take. */
const share = 0.02;
/** The most seconds that a run should take. A run of one step may take longer. */
export const patience = 5;
/** Assumed multiplications and additions a second, until the first run is timed: one core, a small GPU. */
const rates = { cpu: 3e10, gpu: 1e12 } as const;

/**
 * How many epochs the next run should have, judged by the `last` ones.
 * Every run copies `bytes` to the session or back. The run is long enough that this, and its call, take less than 2 % of the time.
 * But it takes no more than `seconds` (default 5). The training's result does not depend on the number.
 */
export function epochsForNextRun(
  bytes: number,
  last: { readonly epochs: number; readonly seconds: number },
  { on, seconds = patience }: { on: keyof typeof bandwidth; seconds?: number | undefined },
): number {
  const transfer = bytes / bandwidth[on] + besides[on];
  const perEpoch = Math.max(last.seconds - transfer, 1e-4) / last.epochs;
  const wanted = Math.ceil((transfer * (1 - share)) / share / perEpoch);
  return Math.max(1, Math.min(wanted, Math.floor(seconds / perEpoch)));
}

/**
 * How many steps a run may have without taking more than `seconds`, judged by the runs before it.
 * The number changes only when it must. While runs have the same shape, a device lays out its memory once.
 */
export class Pace {
  #steps: number;
  /** How many steps would fit, judged by the last run alone. */
  #fit: number;
  #seconds: number;

  constructor(
    { batchSize, inputDim, latentDim }: TrainConfig,
    { on, seconds = patience }: { on: keyof typeof rates; seconds?: number | undefined },
  ) {
    // A step has five products of a batch with a weight matrix.
    const perStep = (10 * batchSize * inputDim * latentDim) / rates[on];
    this.#steps = Math.max(1, Math.floor(seconds / perStep));
    this.#fit = this.#steps;
    this.#seconds = seconds;
  }

  /** Says how long a run took. */
  took(steps: number, seconds: number): void {
    this.#fit = Math.max(1, Math.floor((this.#seconds * steps) / seconds));
    if (this.#fit < this.#steps || this.#fit > 2 * this.#steps) this.#steps = this.#fit;
  }

  /** Divides batches into runs of about equal size. */
  *runs({ order, bounds }: Batches): Generator<Batches> {
    for (let at = 0; at < bounds.length; ) {
      const left = bounds.length - at;
      const steps = left <= this.#fit ? left : Math.ceil(left / Math.ceil(left / this.#steps));
      yield { order, bounds: bounds.slice(at, at + steps) };
      at += steps;
    }
  }
}
