import type { TrainConfig } from "../../config/config.ts";
import type { Batches } from "./batches.ts";

/** Bytes a second that are taken for granted: copies the binding and the graph make of the state, PCIe 3.0 and ordinary memory. */
const bandwidth = { cpu: 2.5e9, gpu: 6e9 } as const;
/** Largest share of the time that a run's inputs and outputs may take on their way to the device and back. */
const share = 0.02;
/** News comes at least so often, in seconds, unless a single step takes longer. */
export const patience = 5;
/** Multiplications and additions a second that are taken for granted until a time is known: one core, a small GPU. */
const rates = { cpu: 3e10, gpu: 1e12 } as const;

/**
 * How many epochs the next run should have, from how long the last took: as few as keep `bytes`, which cross to the session or
 * back once a run, below 2 % of the time, and no more than take `seconds` (default 5). The result does not depend on it.
 */
export function epochsForNextRun(
  bytes: number,
  last: { readonly epochs: number; readonly seconds: number },
  { on, seconds = patience }: { on: keyof typeof bandwidth; seconds?: number | undefined },
): number {
  const transfer = bytes / bandwidth[on];
  const perEpoch = Math.max(last.seconds - transfer, 1e-4) / last.epochs;
  const wanted = Math.ceil((transfer * (1 - share)) / share / perEpoch);
  return Math.max(1, Math.min(wanted, Math.floor(seconds / perEpoch)));
}

/**
 * How many steps a run may have, from how long the ones before took, so that none takes more than `seconds`. Kept as it is
 * while it fits: where every run has the same shape, a device's memory is laid out once.
 */
export class Pace {
  #steps: number;
  /** As many as would have fitted by the last run alone. */
  #fit: number;
  #seconds: number;

  constructor(
    { batchSize, inputDim, latentDim }: TrainConfig,
    { on, seconds = patience }: { on: keyof typeof rates; seconds?: number | undefined },
  ) {
    // Five products of a batch with a weight matrix.
    const perStep = (10 * batchSize * inputDim * latentDim) / rates[on];
    this.#steps = Math.max(1, Math.floor(seconds / perStep));
    this.#fit = this.#steps;
    this.#seconds = seconds;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Takes note of a run. */
  took(steps: number, seconds: number): void {
    this.#fit = Math.max(1, Math.floor((this.#seconds * steps) / seconds));
    if (this.#fit < this.#steps || this.#fit > 2 * this.#steps) this.#steps = this.#fit;
  }

  /** The batches in parts of about equal size that are a run each. */
  *parts({ order, bounds }: Batches): Generator<Batches> {
    for (let at = 0; at < bounds.length; ) {
      const left = bounds.length - at;
      const steps = left <= this.#fit ? left : Math.ceil(left / Math.ceil(left / this.#steps));
      yield { order, bounds: bounds.slice(at, at + steps) };
      at += steps;
    }
  }
}
