import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeWhole } from "../data/files.node.ts";
import { measureCost } from "../pipeline/sweep/cost.node.ts";
import { claimFolder } from "../pipeline/sweep/folder.node.ts";
import {
  isActive,
  jobScript,
  lastJob,
  missingParts,
  mostTasks,
  needsOf,
  rememberJob,
  submit,
} from "../pipeline/sweep/slurm.node.ts";
import { readStatus } from "../pipeline/sweep/status.node.ts";
import { trainSweep } from "../pipeline/sweep/sweep.node.ts";
import { interruptible } from "./interrupt.ts";
import { note, print } from "./output.ts";
import type { SweepAsked } from "./sweepConfig.ts";
import { planAsked, type SweepUse } from "./sweepRun.ts";

/** How a sweep is given to Slurm. */
export interface SlurmUse {
  /** The words of the command that each task runs, without its shard. */
  readonly command: readonly string[];
  readonly tasks: number | undefined;
  /** Flags for sbatch itself. */
  readonly extra: readonly string[];
}

/** Times that an array is submitted for what is missing, and seconds between looks at it. */
const [rounds, look] = [3, 5];

/**
 * Trains a sweep with one job array, waits for it, and submits once more the tasks that came to nothing. A job that was submitted
 * before and is not over is waited for instead.
 */
export async function runOnSlurm(asked: SweepAsked, use: SweepUse, { command, tasks, extra }: SlurmUse): Promise<void> {
  const signal = interruptible();
  const { plan } = await planAsked(asked, { ...use, jobs: 1 }, signal);
  const { out } = asked;
  await claimFolder(out, plan.file);
  const before = await lastJob(out);
  const count = before?.count ?? Math.min(tasks ?? mostTasks, plan.cells.length);
  let job = before && (await isActive(before.job)) ? before.job : undefined;
  if (job !== undefined) note(`job ${job} is not over; waiting for it`);
  for (let round = 0; round < rounds; round++) {
    const missing = await missingParts(plan, count);
    if (job === undefined && missing.length === 0) break;
    if (job === undefined) {
      const needs = needsOf(plan, await measureCost(plan), count);
      const script = resolve(out, "slurm", "job.sh");
      const how = { out: resolve(out), tasks: missing, count, name: asked.name };
      await writeWhole(script, jobScript(command, needs, how));
      job = await submit(script, extra);
      await rememberJob(out, { job, count });
      const { cpus, memoryBytes, seconds } = needs;
      note(
        `job ${job}: ${missing.length} tasks of ${cpus} CPU${cpus === 1 ? "" : "s"}, ${Math.ceil(memoryBytes / 1e6)} MB, ${Math.ceil(seconds / 60)} min`,
      );
    }
    await wait(job, out, signal, use.quiet);
    if (signal.aborted) {
      note(`job ${job} goes on; the same command waits for it and gathers, scancel ${job} ends it`);
      process.exitCode = 130;
      return;
    }
    job = undefined;
  }
  const missing = await missingParts(plan, count);
  if (missing.length > 0) {
    note(
      `error: ${missing.length} of ${count} tasks came to nothing, the first is ${missing[0]}; ${out}/slurm has what they said`,
    );
    process.exitCode = 1;
    return;
  }
  const { finished, failed } = await trainSweep(plan);
  print(`${finished} of ${plan.cells.length} SAEs are complete in ${out}`);
  if (failed.length > 0) process.exitCode = 1;
}

/** Waits until a job is over, and says how far it is. */
async function wait(job: string, out: string, signal: AbortSignal, quiet: boolean): Promise<void> {
  let said = -1;
  while (!signal.aborted && (await isActive(job))) {
    const { finished, count } = await readStatus(out);
    if (!quiet && finished !== said) note(`${new Date().toTimeString().slice(0, 8)} ${finished}/${count} done`);
    said = finished;
    await sleep(look * 1000, undefined, { signal }).catch(() => {});
  }
}
