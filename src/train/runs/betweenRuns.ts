import type { TrainConfig } from "../../config/config.ts";
import { stateBytes } from "../state.ts";

/**
 * What the training process does between runs.
 * First it reads its messages. After that, nothing holds the states of earlier runs any more.
 * Then it frees them, which needs `--expose-gc`. V8 itself would free them late, because their arrays are outside its heap.
 * A collection takes some milliseconds. So small states are left to V8.
 */
export async function betweenRuns(config: TrainConfig): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (stateBytes(config) >= 2 ** 26) globalThis.gc?.();
}
