import Table from "cli-table3";
import { gridConfigs } from "../../config/grid.ts";
import { synthesize } from "../../data/synthetic/synthesize.ts";
import { parity as compare, type ParityRow } from "../../pipeline/parity.ts";
import { providers } from "../../runtime/providers.node.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";
import { architectureFlags, listsOf, trialOptions } from "../trainFlags.ts";

export const parity = defineCommand({
  command: "parity",
  options: {
    ...architectureFlags,
    "input-dim": { type: "number", default: 32, describe: "width of the synthetic activations" },
    "latent-dim": { type: "number", default: 128, describe: "number of latents" },
    "batch-size": { type: "number", default: 32, describe: "rows per step; the last batch of an epoch has fewer" },
    steps: { type: "number", default: 50, describe: "steps each trains" },
    tf32: flags.machine.tf32,
    json: flags.json,
  },
  examples: [["$0 parity", "how far every provider, step form and wrapper is from the CPU's dense Loop"]],
  async run(given) {
    flags.applyTf32(given.tf32);
    const count = flags.checkCount("steps", given.steps)!;
    const [inputDim, batchSize] = [given["input-dim"], given["batch-size"]];
    const asked = { ...trialOptions(given.architecture), ...given, "latent-dim": String(given["latent-dim"]) };
    const [config] = gridConfigs({
      ...{ architecture: given.architecture, preset: given.preset, inputDim },
      lists: listsOf("parity", { ...asked, "batch-size": String(batchSize) }),
    });
    const rows = Math.floor(9.4 * batchSize);
    const { activations } = synthesize({
      rows,
      inputDim,
      features: 2 * inputDim,
      meanActive: Math.min(20, inputDim / 4),
    });
    const onRow = (row: ParityRow) => given.quiet === true || note(`${row.provider} ${row.step} ${row.wrapper}`);
    const found = await compare(providers, { config: config!, activations, count, onRow });
    print(given.json ? JSON.stringify({ steps: count, rows: found }, null, 1) : table(found));
    if (found.some(({ note }) => note.startsWith("failed"))) process.exitCode = 1;
  },
});

/** A number as 1.2e-7, or 0 where all bits are the same. */
const shown = (value: number): string => (value === 0 ? "0" : value.toExponential(1));

function table(rows: readonly ParityRow[]): string {
  const made = new Table({
    head: ["provider", "step", "wrapper", "loss, relative", "weights, largest", ""],
    style: { head: [], border: [], compact: true },
  });
  for (const { provider, step, wrapper, distance, note } of rows)
    made.push([
      ...[provider, step, wrapper],
      ...(distance ? [shown(distance.loss), shown(distance.largestWeight)] : ["-", "-"]),
      note,
    ]);
  return made.toString();
}
