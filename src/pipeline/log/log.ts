import type { SaeRecord } from "../../record/record.ts";

/** Writes down what a training says of itself, for other programs to draw. */
export interface TrainingLog {
  /** The mean loss of an epoch that is over. */
  epoch(name: string, at: { readonly epoch: number; readonly loss: number }): void;
  /** What a finished SAE measured. */
  finished(name: string, record: SaeRecord): void;
  /** Waits until all is on the disk. */
  end(): Promise<void>;
}
