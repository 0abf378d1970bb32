import { gridConfigs } from "../../config/grid.ts";
import { parseWhere } from "../../data/where.ts";
import { inputDimOf } from "../../pipeline/dataset.node.ts";
import { type GridPlan, planGrid } from "../../pipeline/grid/plan.node.ts";
import type { GridProgress } from "../../pipeline/grid/request.ts";
import { logsOf } from "../../pipeline/log/index.node.ts";
import { openData } from "../../pipeline/open.node.ts";
import { stepFor } from "../../pipeline/providerStep.ts";
import { checkStart, readStart } from "../../pipeline/start.node.ts";
import { openGroups } from "../../pipeline/sweep/groups.node.ts";
import { type TextsRun, writeTexts } from "../../pipeline/texts.node.ts";
import { trainGrid } from "../../pipeline/trainGrid.node.ts";
import { serializeMetrics } from "../../record/metricsFile.ts";
import { ConfigError } from "../../util/errors.ts";
import { checkFileName } from "../../util/fileName.ts";
import { visible } from "../../util/visible.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { interruptible } from "../interrupt.ts";
import { baseline, note, print, table } from "../output.ts";
import { gridDisplay } from "../progress.ts";
import { dataOf, type GivenDivided, sweepOf } from "../sweepConfig.ts";
import { runSweep } from "../sweepRun.ts";
import { listsOf, trainFlags } from "../trainFlags.ts";

export const train = defineCommand({
  command: "train",
  options: {
    ...flags.data,
    ...flags.target,
    ...flags.memory,
    ...flags.division,
    ...trainFlags,
    "init-from": {
      type: "string",
      describe: "a finished checkpoint of the same shapes, imported ones too: training starts from its weights",
    },
    ...flags.machine,
    name: { type: "string", default: "sae", describe: "first part of the files' names" },
    out: { type: "string", default: "models", describe: "folder to write to" },
    "epochs-per-run": {
      type: "number",
      describe:
        "epochs in one run, between which it can be stopped; does not change the result; step live has runs of its own [default: a few seconds' worth]",
    },
    jobs: { type: "number", describe: "SAEs trained side by side [default: as many as cores and memory allow]" },
    "keep-state": {
      type: "boolean",
      default: true,
      describe:
        "keep beside each finished SAE what it takes to train it for more epochs (--epochs); --no-keep-state does not",
    },
    force: {
      type: "boolean",
      default: false,
      describe: "train again what is there, and replace files of another configuration",
    },
    ...flags.log,
    json: flags.json,
  },
  examples: [
    ["$0 train --data acts.npy --latent-dim 2048 --k 20", "one TopK SAE"],
    ["$0 train --data acts.npy --latent-dim 512,1024,2048 --k 5,10,20,100", "the experiment's grid of twelve"],
    ["$0 train --data shards/ --latent-dim 512 --k 5", "more activations than fit in memory"],
    ["$0 train --data acts.npy --latent-dim 512 --k 5,10 --seeds 0,1,2", "with the spread over three seeds"],
    [
      "$0 train --data acts.npy --latent-dim 512 --k 20 --learning-rate 1e-3,3e-4",
      "two learning rates, compared on the page",
    ],
    [
      "$0 train --data acts/ --by layer,position --latent-dim 512 --k 5,10",
      "for each layer and position SAEs of their own, as sae-onnx sweep does",
    ],
    ["$0 train --data mlp_in.npy --target mlp_out.npy --latent-dim 512 --k 20", "a transcoder"],
  ],
  async run(given) {
    flags.applyTf32(given.tf32);
    await flags.checkProvider(given.provider);
    const memory = flags.parseBytes("memory", given.memory);
    const [threads, jobs] = [flags.checkCount("threads", given.threads), flags.checkCount("jobs", given.jobs)];
    const epochsPerRun = flags.checkCount("epochs-per-run", given["epochs-per-run"]);
    const logs = flags.parseLogs(given.log);
    const lists = listsOf("train", given);
    checkFileName(given.name, "--name");
    if (given.by !== undefined) {
      const use = { provider: given.provider, threads, jobs, memory: undefined, keepState: given["keep-state"], logs };
      checkNoGridFlags(given);
      return runSweep(sweepOf(given), { ...use, quiet: given.quiet === true, json: given.json });
    }
    const { set, target, trainRows } = await openDivided(given, memory);
    const start = given["init-from"] === undefined ? undefined : await readStart(given["init-from"]);
    const configs = gridConfigs({
      architecture: given.architecture,
      preset: given.preset,
      inputDim: inputDimOf(set),
      outputDim: target && inputDimOf(target),
      lists,
      shared: {
        step: stepFor(given.provider, given.step),
        retire: given.retire,
        calibrate: given.calibrate,
        shuffleRows: given["shuffle-rows"],
        initFrom: start?.digest,
      },
    });
    if (start) for (const config of configs) checkStart(start, config);
    const display = gridDisplay({ quiet: given.quiet === true });
    const { provider, name, out, force } = given;
    const run = {
      ...{ set, target, trainRows, configs, out, name, provider, threads, jobs, memory, force },
      ...{ epochsPerRun, start: start?.tensors, keepState: given["keep-state"] },
    };
    const log = logsOf(logs, out);
    const onProgress = (progress: GridProgress) => {
      display.update(progress);
      log.update(progress);
    };
    const plan = await planGrid({ ...run, signal: interruptible(), onProgress, onNote: note });
    if (plan.sentence !== undefined && !given.quiet) note(plan.sentence);
    const { file, path, stopped } = await trainGrid(plan).finally(display.end);
    await log.end();
    const texts = stopped ? [] : await textLines({ ...run, ...plan, data: given.data, tensor: given.tensor });
    if (given.json) print(serializeMetrics(file).trimEnd());
    else if (file.rows.length > 0) print([table(file.rows), baseline(file), ...texts].filter(Boolean).join("\n"));
    note(stopped ? `stopped; the same command goes on from here` : `metrics: ${path}`);
    if (stopped) process.exitCode = 130;
  },
});

/** Rows, and how they are divided into those that train and those that validate. */
async function openDivided(given: GivenDivided, memory: number) {
  if (given.split === undefined && given["split-by"] === undefined) {
    const opened = await openData({ ...given, where: parseWhere(given.where) }, memory);
    return { ...opened, trainRows: given["train-rows"] };
  }
  const data = await openGroups(dataOf({ ...given, by: undefined }), memory);
  return data.read(data.groups[0]!);
}

/** @throws {ConfigError} for flags that a sweep has not. */
function checkNoGridFlags(given: { readonly [flag: string]: unknown }): void {
  const refused = ["init-from", "epochs-per-run", "force"].find(
    (flag) => given[flag] !== undefined && given[flag] !== false,
  );
  if (refused !== undefined)
    throw new ConfigError(
      `--${refused}: is not for --by; leave it out${refused === "force" ? ", and name a new --out" : ""}`,
    );
}

/** Of so many SAEs at most the strongest text is printed; of a larger grid the report shows them. */
const mostTold = 3;

/** A line an SAE: the text in which one of its latents is strongest. Labels that do not fit are said, and no reason to fail. */
async function textLines({ entries, ...run }: Omit<TextsRun, "names"> & Pick<GridPlan, "entries">): Promise<string[]> {
  try {
    const texts = await writeTexts({ ...run, names: entries.map(({ name }) => name) });
    return [...(entries.length > mostTold ? [] : texts)].flatMap(([name, { latents }]) => {
      const [first] = latents;
      const text = first?.strongest[0]?.text;
      return text === undefined ? [] : [visible(`${name}: latent ${first!.latent} is strongest in: ${text}`)];
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    note(`no texts: ${error.message}`);
    return [];
  }
}
