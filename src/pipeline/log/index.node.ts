import type { GridProgress } from "../grid/request.ts";
import { jsonlLog } from "./jsonl.node.ts";
import type { TrainingLog } from "./log.ts";
import type { LogName } from "./names.ts";
import { tensorboardLog } from "./tensorboard.node.ts";

/** How each kind of log begins, in a folder. */
const logs: Readonly<Record<LogName, (out: string) => TrainingLog>> = { tensorboard: tensorboardLog, jsonl: jsonlLog };

/** Some logs as one that follows the progress of a grid. */
export function logsOf(
  names: readonly LogName[],
  out: string,
): { update(progress: GridProgress): void; end(): Promise<void> } {
  const all = names.map((name) => logs[name](out));
  const said = new Map<string, number>();
  return {
    update({ name, epochsDone, loss, state, row }) {
      if (row && state === "finished") for (const one of all) one.finished(name, row);
      if (row || loss === null || !Number.isInteger(epochsDone) || said.get(name) === epochsDone) return;
      said.set(name, epochsDone);
      for (const one of all) one.epoch(name, { epoch: epochsDone, loss });
    },
    async end() {
      for (const one of all) await one.end();
    },
  };
}
