import { resolve } from "node:path";
import { statusBlocks } from "../../pipeline/sweep/page.ts";
import { readStatus } from "../../pipeline/sweep/status.node.ts";
import { markdown } from "../../report/markdown.ts";
import { ConfigError } from "../../util/errors.ts";
import { checkFileName } from "../../util/fileName.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { print } from "../output.ts";
import { readSweepConfig } from "../sweepConfig.ts";
import { dryRun, parseShard, runSweep } from "../sweepRun.ts";
import { runOnSlurm } from "../sweepSlurm.ts";
import { trainFlags } from "../trainFlags.ts";

export const sweep = defineCommand({
  command: "sweep <config> [folder]",
  positional: {
    config: { describe: "a JSON or YAML file that says what to train on what; or the word `status`" },
    folder: { describe: "with `status`: the folder of a sweep", optional: true },
  },
  options: {
    ...flags.machine,
    memory: { type: "string", describe: "memory that all processes stay within [default: what is free]" },
    threads: { type: "number", describe: "threads inside an op; they can change the last digits [default: 1]" },
    jobs: { type: "number", describe: "SAEs trained side by side [default: as many as cores and memory allow]" },
    out: { type: "string", describe: "folder to write to [default: the configuration's, else sweep]" },
    "dry-run": {
      type: "boolean",
      default: false,
      describe: "say what it will do, and what that takes, measured from a few steps; write nothing",
    },
    shard: {
      type: "string",
      describe: "train one of so many parts, counted from 0: 3/24; the parts may run at once, also on several machines",
    },
    engine: {
      choices: ["here", "slurm"] as const,
      default: "here",
      describe: "where it is trained: in this process, or as one job array of Slurm, which is waited for",
    },
    tasks: { type: "number", describe: "engine slurm: tasks of the array [default: one for each SAE, 1000 at most]" },
    sbatch: {
      type: "string",
      describe: "engine slurm: flags for sbatch, as in --sbatch='-p long -A x'",
    },
    "checkpoint-seconds": {
      type: "number",
      default: 30,
      describe: "seconds between saved states of an SAE in training",
    },
    "keep-state": {
      type: "boolean",
      default: false,
      describe: "keep beside each finished SAE what it takes to train it for more epochs",
    },
    ...flags.log,
    json: flags.json,
  },
  also: trainFlags,
  examples: [
    ["$0 sweep layers.yaml --dry-run", "what it will do and take"],
    ["$0 sweep layers.yaml", "all of it, here; given again it goes on"],
    ["$0 sweep status sweep", "how far it is, from another terminal"],
    ["$0 sweep layers.yaml --shard 3/24", "the fourth of 24 parts"],
    ["$0 sweep layers.yaml --engine slurm --sbatch='-p long'", "as one job array"],
  ],
  async run(given) {
    if (given.config === "status") return status(given.folder as string | undefined, given.json);
    if (given.folder !== undefined)
      throw new ConfigError(
        `sweep: ${given.folder} is one word too many; name one configuration, or write sweep status FOLDER`,
      );
    flags.applyTf32(given.tf32);
    await flags.checkProvider(given.provider);
    const memory = given.memory === undefined ? undefined : flags.parseBytes("memory", given.memory);
    const [threads, jobs] = [flags.checkCount("threads", given.threads), flags.checkCount("jobs", given.jobs)];
    const snapshotSeconds = given["checkpoint-seconds"];
    if (!(snapshotSeconds >= 0))
      throw new ConfigError(`--checkpoint-seconds must be at least 0, got ${snapshotSeconds}`);
    const shard = parseShard(given.shard);
    const asked = await readSweepConfig(given.config as string);
    const out = given.out ?? asked.out;
    checkFileName(asked.name, `${given.config}: name`);
    const use = {
      ...{ provider: given.provider, threads, jobs, memory, shard, snapshotSeconds },
      logs: flags.parseLogs(given.log),
      ...{ keepState: given["keep-state"], quiet: given.quiet === true, json: given.json },
    };
    if (given["dry-run"] || given.engine === "here")
      return (given["dry-run"] ? dryRun : runSweep)({ ...asked, out }, use);
    if (shard) throw new ConfigError("--shard: the tasks of --engine slurm have parts of their own; leave it out");
    const tasks = flags.checkCount("tasks", given.tasks);
    const extra = given.sbatch?.split(/\s+/).filter((word) => word !== "") ?? [];
    await runOnSlurm({ ...asked, out }, use, { command: taskCommand(given, out), tasks, extra });
  },
});

/** The command of a task: this one, with paths that hold from any folder, one SAE at a time. */
const taskCommand = (given: { readonly [flag: string]: unknown }, out: string): string[] => [
  ...[process.execPath, resolve(process.argv[1]!), "sweep", resolve(given.config as string), "--out", resolve(out)],
  ...["--jobs", "1", "--provider", String(given.provider)],
  ...(given.memory === undefined ? [] : ["--memory", String(given.memory)]),
  ...(given.threads === undefined ? [] : ["--threads", String(given.threads)]),
  ...[
    "--checkpoint-seconds",
    String(given["checkpoint-seconds"]),
    given["keep-state"] ? "--keep-state" : "--no-keep-state",
  ],
  ...(given.log === undefined ? [] : ["--log", String(given.log)]),
  ...(given.tf32 ? [] : ["--no-tf32"]),
];

async function status(folder: string | undefined, json: boolean): Promise<void> {
  if (folder === undefined)
    throw new ConfigError("sweep status: the folder is missing; name the one that sae-onnx sweep wrote to");
  const found = await readStatus(folder);
  const { file, ...rest } = found;
  if (json) print(JSON.stringify({ name: file.name, ...rest }, null, 1));
  else print(markdown(`Sweep ${file.name}`, statusBlocks(found, new Date().toISOString())).trimEnd());
}
