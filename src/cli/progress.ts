import { Presets, SingleBar } from "cli-progress";
import type { GridProgress } from "../pipeline/node.ts";
import { note } from "./output.ts";

/** Shows how far a grid is: a bar with the time left on a terminal, a line per SAE elsewhere, nothing when quiet. */
export interface GridDisplay {
  update(progress: GridProgress): void;
  end(): void;
}

/** The display for this stderr. */
export function gridDisplay({ quiet }: { quiet: boolean }): GridDisplay {
  if (quiet) return { update() {}, end() {} };
  return process.stderr.isTTY ? bar() : lines();
}

function bar(): GridDisplay {
  const shown = new SingleBar(
    { format: "{bar} {percentage}% | {name} | epoch {epoch} | loss {loss} | {eta_formatted} left", stream: process.stderr, hideCursor: true, clearOnComplete: true, etaBuffer: 50 },
    Presets.shades_classic,
  );
  let started = false;
  return {
    update({ index, count, name, epochsDone, epochs, loss, row, state }) {
      const payload = { name: `${index + 1}/${count} ${name}`, epoch: `${epochsDone}/${epochs}`, loss: loss?.toPrecision(4) ?? "-" };
      if (!started) shown.start(count * epochs, 0, payload);
      started = true;
      shown.update(index * epochs + epochsDone, payload);
      if (row && state === "reused") note(`\r${name}: already there`);
    },
    end: () => shown.stop(),
  };
}

function lines(): GridDisplay {
  const started = performance.now();
  let trained = 0;
  return {
    update({ index, count, name, state, row }) {
      if (!row) return;
      if (state === "finished") trained++;
      const each = (performance.now() - started) / 1000 / Math.max(trained, 1);
      const left = index + 1 < count && trained > 0 ? `, about ${Math.round(each * (count - index - 1))} s left` : "";
      const what = state === "reused" ? "already there" : `trained in ${row.train_time_sec?.toFixed(1)} s`;
      note(`${index + 1}/${count} ${name}: ${what}, explained variance ${row.metrics.explained_variance?.toFixed(3) ?? "-"}${left}`);
    },
    end() {},
  };
}
