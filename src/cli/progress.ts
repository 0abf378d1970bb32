import { Presets, SingleBar } from "cli-progress";
import type { GridProgress } from "../pipeline/grid/request.ts";
import { note } from "./output.ts";
import { canRedraw, showsBoxes } from "./terminal.ts";

/** Seconds between lines about the SAEs in training, where there is no terminal to draw a bar on. */
const linesEvery = 30;

/**
 * Shows how far a grid is: a bar with the time left on a terminal; elsewhere a line for each SAE that is finished, and every 30
 * seconds one that names all in training, each with the time of day; nothing when quiet.
 */
export interface GridDisplay {
  update(progress: GridProgress): void;
  end(): void;
}

/** The display for this stderr. */
export function gridDisplay({ quiet }: { quiet: boolean }): GridDisplay {
  if (quiet) return { update() {}, end() {} };
  return canRedraw() ? bar() : lines();
}

const epochOf = ({ epochsDone, epochs }: GridProgress) => `${Number(epochsDone.toFixed(1))}/${epochs}`;
const lossOf = ({ loss }: GridProgress) => loss?.toPrecision(4) ?? "-";

function bar(): GridDisplay {
  // A line that is too long is cut at its end, so what matters least is there.
  const format = "{bar} {percentage}% | {left} | {name} | epoch {epoch} | loss {loss}";
  const barsize = (process.stderr.columns || 80) < 120 ? 10 : 40;
  const options = { format, barsize, stream: process.stderr, hideCursor: true, clearOnComplete: true };
  const shown = new SingleBar(options, showsBoxes() ? Presets.shades_classic : Presets.legacy);
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
  const training = new Map<string, GridProgress>();
  let said = performance.now();
  const say = (text: string, time: string) => note(`${timeOfDay()} ${[text, time].filter(Boolean).join(", ")}`);
  return {
    update(progress) {
      const { finished, count, name, state, row, waited = 0 } = progress;
      const time = left(progress);
      if (row) {
        training.delete(name);
        const what =
          state === "reused"
            ? "already there"
            : `trained in ${row.train_time_sec?.toFixed(1)} s${waited >= 0.001 ? ` (${(100 * waited).toFixed(1)} % of it waiting for rows)` : ""}`;
        const quality = row.metrics.explained_variance?.toFixed(3) ?? "-";
        return say(`${finished}/${count} ${name}: ${what}, explained variance ${quality}`, time);
      }
      training.set(name, progress);
      if (performance.now() - said < linesEvery * 1000) return;
      said = performance.now();
      const each = [...training.values()].map((one) => `${one.name}: epoch ${epochOf(one)}, loss ${lossOf(one)}`);
      say([`${finished}/${count} done`, ...each].join("; "), time);
    },
    end() {},
  };
}

/** Hours, minutes and seconds, as logs have them. */
const timeOfDay = (): string => new Date().toTimeString().slice(0, 8);

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
