import { gridConfigs } from "../../config/grid.ts";
import { parseWhere } from "../../data/where.ts";
import { inputDimOf } from "../../pipeline/dataset.node.ts";
import { openActivations } from "../../pipeline/open.node.ts";
import { stepFor } from "../../pipeline/providerStep.ts";
import { trainGrid } from "../../pipeline/trainGrid.node.ts";
import { serializeMetrics } from "../../record/metricsFile.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { interruptible } from "../interrupt.ts";
import { baseline, note, print, table } from "../output.ts";
import { gridDisplay } from "../progress.ts";

export const train = defineCommand({
  command: "train",
  options: {
    ...flags.data,
    ...flags.memory,
    ...flags.sae,
    ...flags.machine,
    name: { type: "string", default: "sae", describe: "first part of the files' names" },
    out: { type: "string", default: "models", describe: "folder to write to" },
    "epochs-per-run": {
      type: "number",
      describe:
        "epochs in one run, between which it can be stopped; does not change the result; step live has runs of its own [default: a few seconds' worth]",
    },
    jobs: { type: "number", describe: "SAEs trained side by side [default: one per core, four at most]" },
    force: {
      type: "boolean",
      default: false,
      describe: "train again what is there, and replace files of another configuration",
    },
    json: flags.json,
  },
  examples: [
    ["$0 train --data acts.npy --latent-dim 2048 --k 20", "one TopK SAE"],
    ["$0 train --data acts.npy --latent-dim 512,1024,2048 --k 5,10,20,100", "the experiment's grid of twelve"],
    ["$0 train --data shards/ --latent-dim 512 --k 5", "more activations than fit in memory"],
    ["$0 train --data acts.npy --latent-dim 512 --k 5,10 --seeds 0,1,2", "with the spread over three seeds"],
  ],
  async run(given) {
    flags.applyTf32(given.tf32);
    await flags.checkProvider(given.provider);
    const memory = flags.parseBytes("memory", given.memory);
    const [threads, jobs] = [flags.checkCount("threads", given.threads), flags.checkCount("jobs", given.jobs)];
    const epochsPerRun = flags.checkCount("epochs-per-run", given["epochs-per-run"]);
    const set = await openActivations(given.data, { tensor: given.tensor, where: parseWhere(given.where), memory });
    const configs = gridConfigs({
      architecture: given.architecture,
      preset: given.preset,
      inputDim: inputDimOf(set),
      latentDims: flags.parseIntegers("latent-dim", given["latent-dim"]),
      ks: flags.parseIntegers("k", given.k),
      options: flags.saeOptions(given),
      epochs: given.epochs,
      batchSize: given["batch-size"],
      learningRate: given["learning-rate"],
      step: stepFor(given.provider, given.step),
      retire: given.retire,
      shuffleRows: given["shuffle-rows"],
      seeds: given.seeds === undefined ? [given.seed] : flags.parseIntegers("seeds", given.seeds),
    });
    const display = gridDisplay({ quiet: given.quiet === true });
    const { provider, name, out, force } = given;
    const run = {
      ...{ set, trainRows: given["train-rows"], configs, out, name, provider, threads, jobs, memory, force },
      epochsPerRun,
    };
    const { file, path, stopped } = await trainGrid({
      ...run,
      signal: interruptible(),
      onProgress: display.update,
    }).finally(display.end);
    if (given.json) print(serializeMetrics(file).trimEnd());
    else if (file.rows.length > 0) print(`${table(file.rows)}\n${baseline(file.rows)}`);
    note(stopped ? `stopped; the same command goes on from here` : `metrics: ${path}`);
    if (stopped) process.exitCode = 130;
  },
});
