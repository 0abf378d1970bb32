import { appendFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../../data/replace.node.ts";
import { writeError } from "../../util/fileErrors.ts";
import type { TrainingLog } from "./log.ts";

/** Lines of JSON in `log.jsonl`, one an epoch and one an SAE, each with its time; a training that goes on adds to them. */
export function jsonlLog(out: string): TrainingLog {
  const path = join(out, "log.jsonl");
  let writing = makeFolder(dirname(path));
  let failure: unknown;
  const add = (values: object) => {
    const line = `${JSON.stringify({ time: new Date().toISOString(), ...values })}\n`;
    // A line is written by one call, so that several processes may add to one file.
    writing = writing
      .then(() => appendFile(path, line))
      .catch((error) => {
        failure ??= error;
      });
  };
  return {
    epoch: (name, { epoch, loss }) => add({ name, epoch, loss }),
    finished: (name, { epochs, train_time_sec, metrics }) => add({ name, epoch: epochs, train_time_sec, metrics }),
    async end() {
      await writing;
      if (failure !== undefined) throw writeError(path, failure);
    },
  };
}
