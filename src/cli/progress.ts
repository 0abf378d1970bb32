import { Presets, SingleBar } from "cli-progress";
import type { GridProgress } from "../pipeline/grid/request.ts";
import { note } from "./output.ts";

/** Seconds between lines about one SAE, where there is no terminal to draw a bar on. */
const linesEvery = 30;

/** Shows how far a grid is: a bar with the time left on a terminal; a line per SAE and every 30 seconds elsewhere; nothing when quiet. */
export interface GridDisplay {
  update(progress: GridProgress): void;
  end(): void;
}

/** The display for this stderr. */
export function gridDisplay({ quiet }: { quiet: boolean }): GridDisplay {
  if (quiet) return { update() {}, end() {} };
  return process.stderr.isTTY ? bar() : lines();
}

const epochOf = ({ epochsDone, epochs }: GridProgress) => `${Number(epochsDone.toFixed(1))}/${epochs}`;
const lossOf = ({ loss }: GridProgress) => loss?.toPrecision(4) ?? "-";

function bar(): GridDisplay {
  const format = "{bar} {percentage}% | {name} | epoch {epoch} | loss {loss} | {left}";
  const options = { format, stream: process.stderr, hideCursor: true, clearOnComplete: true };
  const shown = new SingleBar(options, Presets.shades_classic);
  const left = remaining();
  let started = false;
  return {
    update(progress) {
      const { finished, count, name, done } = progress;
      const payload = {
        name: `${finished}/${count} done, ${name}`,
        epoch: epochOf(progress),
        loss: lossOf(progress),
        left: left(progress),
      };
      if (!started) shown.start(1, 0, payload);
      started = true;
      shown.update(done, payload);
    },
    end: () => shown.stop(),
  };
}

function lines(): GridDisplay {
  const left = remaining();
  let said = performance.now();
  return {
    update(progress) {
      const { finished, count, name, state, row, waited = 0 } = progress;
      const time = left(progress);
      if (!row && performance.now() - said < linesEvery * 1000) return;
      said = performance.now();
      if (!row)
        return note(
          `${finished}/${count} done, ${name}: epoch ${epochOf(progress)}, loss ${lossOf(progress)}, ${time}`,
        );
      const what =
        state === "reused"
          ? "already there"
          : `trained in ${row.train_time_sec?.toFixed(1)} s${waited >= 0.001 ? ` (${(100 * waited).toFixed(1)} % of it waiting for rows)` : ""}`;
      const quality = row.metrics.explained_variance?.toFixed(3) ?? "-";
      note(`${finished}/${count} ${name}: ${what}, explained variance ${quality}, ${time}`);
    },
    end() {},
  };
}

/** The time left, from the share of the work done since the first training was heard of. */
function remaining(): (progress: GridProgress) => string {
  const started = performance.now();
  let reused = 0;
  return ({ done, state }) => {
    if (state === "reused") reused = done;
    if (done <= reused || done >= 1) return done >= 1 ? "done" : "";
    const seconds = Math.round((((performance.now() - started) / 1000) * (1 - done)) / (done - reused));
    return `about ${seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} left`;
  };
}
