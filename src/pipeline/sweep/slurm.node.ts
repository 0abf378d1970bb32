/** @file A sweep as one job array of Slurm. Tasks find their cells by their index; all write to the same folder. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { writeWhole } from "../../data/files.node.ts";
import { parseJson } from "../../record/json.ts";
import { ConfigError } from "../../util/errors.ts";
import { readIfThere } from "../existing.node.ts";
import type { SweepCost } from "./cost.node.ts";
import { sealedNames } from "./folder.node.ts";
import { partOf, type SweepPlan } from "./sweep.node.ts";

/** Most tasks of an array that Slurm takes unless told otherwise (MaxArraySize is 1001). */
export const mostTasks = 1000;

/** What a task is given. */
export interface TaskNeeds {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly seconds: number;
  readonly gpu: boolean;
}

/** What the slowest task of so many needs, with room to spare: half as much memory again, twice the time and five minutes. */
export function needsOf({ cells, threads, run }: SweepPlan, cost: SweepCost, count: number): TaskNeeds {
  const tasks = Array.from({ length: count }, (_, index) => partOf(cells, { index, count }));
  const secondsOf = (part: (typeof tasks)[number]) =>
    part.reduce((sum, { place }) => sum + cost.cells[place]!.training + cost.cells[place]!.finishing, 0) +
    cost.reading * new Set(part.map(({ group }) => group)).size;
  const { parent, each } = cost.memoryBytes;
  return {
    cpus: threads,
    memoryBytes: 1.5 * (parent + each),
    seconds: 300 + 2 * Math.max(...tasks.map(secondsOf)),
    gpu: run.provider === "cuda",
  };
}

/** The script of a job array: each task runs `command` with its own `--shard`. */
export function jobScript(
  command: readonly string[],
  { cpus, memoryBytes, seconds, gpu }: TaskNeeds,
  {
    out,
    tasks,
    count,
    name,
  }: { readonly out: string; readonly tasks: readonly number[]; readonly count: number; readonly name: string },
): string {
  const minutes = Math.ceil(seconds / 60);
  return [
    "#!/bin/sh",
    `#SBATCH --job-name=${name}`,
    `#SBATCH --array=${tasks.join(",")}`,
    `#SBATCH --cpus-per-task=${cpus}`,
    `#SBATCH --mem=${Math.ceil(memoryBytes / 2 ** 20)}M`,
    `#SBATCH --time=${minutes}`,
    ...(gpu ? ["#SBATCH --gres=gpu:1"] : []),
    "#SBATCH --requeue",
    "#SBATCH --open-mode=append",
    // A minute before its time is over a task is asked to end, and saves what it trains.
    "#SBATCH --signal=B:TERM@60",
    `#SBATCH --output=${join(out, "slurm", "%A_%a.log")}`,
    `exec ${command.map(quoted).join(" ")} --shard "$SLURM_ARRAY_TASK_ID/${count}"`,
    "",
  ].join("\n");
}

const quoted = (word: string): string => (/^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const run = promisify(execFile);

/**
 * Hands a script to sbatch; gives the number of the job.
 * @throws {ConfigError} when there is no sbatch, and when it refuses.
 */
export async function submit(script: string, extra: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run("sbatch", ["--parsable", ...extra, script]);
    return stdout.trim().split(";")[0]!;
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT")
      throw new ConfigError(
        "--engine slurm: there is no sbatch here; use a login node of the cluster, or --shard with another scheduler",
      );
    const said = (stderr || message).trim().split("\n").join("; ");
    throw new ConfigError(`--engine slurm: sbatch refused: ${said}; flags for it are given with --sbatch`);
  }
}

/** Whether tasks of a job wait or run. */
export async function isActive(job: string): Promise<boolean> {
  const { stdout } = await run("squeue", ["--noheader", "--jobs", job, "--format", "%T"]).catch(() => ({ stdout: "" }));
  return stdout.trim() !== "";
}

/** The parts of so many that have SAEs which are not sealed. */
export async function missingParts(
  { cells, run: { out }, file }: SweepPlan,
  count: number,
): Promise<readonly number[]> {
  const sealed = await sealedNames(out, file);
  return Array.from({ length: count }, (_, index) => index).filter((index) =>
    partOf(cells, { index, count }).some(({ group, name }) => !sealed.get(group.name)!.has(name)),
  );
}

const jobSchema = z.object({ job: z.string(), count: z.int().min(1) });
const jobPath = (out: string): string => join(out, "slurm", "job.json");

/** The job that was submitted last for a sweep. */
export async function lastJob(out: string): Promise<z.infer<typeof jobSchema> | undefined> {
  const bytes = await readIfThere(jobPath(out));
  if (!bytes) return undefined;
  try {
    return jobSchema.parse(parseJson(new TextDecoder().decode(bytes), jobPath(out)));
  } catch {
    return undefined;
  }
}

/** Remembers it. */
export const rememberJob = (out: string, job: z.infer<typeof jobSchema>): Promise<void> =>
  writeWhole(jobPath(out), `${JSON.stringify(job)}\n`);
