import type { TrainConfig } from "../../config/config.ts";
import { stateBytes } from "../state.ts";

/**
 * What a process that does nothing but train does between runs: its messages are read. Then the states of earlier runs, which nothing holds
 * any more once that has happened, are freed (with `--expose-gc`): V8 does not hurry to do it, as their arrays are outside its heap. It
 * takes some milliseconds, so small ones are left to it.
 */
export async function betweenRuns(config: TrainConfig): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (stateBytes(config) >= 2 ** 26) globalThis.gc?.();
}
