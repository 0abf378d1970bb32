import type { TrainState } from "../../src/train/state.ts";

/** Largest difference of two states, each tensor relative to its largest entry. */
export function worst(actual: TrainState, expected: TrainState): number {
  return Math.max(
    ...Object.entries(expected).map(([name, { data }]) => {
      const scale = data.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-30);
      return data.reduce((most, v, i) => Math.max(most, Math.abs(v - actual[name]!.data[i]!)), 0) / scale;
    }),
  );
}
