/** @file What this process may use of the machine. */
import { readFileSync } from "node:fs";
import { availableParallelism, freemem, totalmem } from "node:os";
import { dirname, join } from "node:path/posix";

/** What a command may use. */
export interface Machine {
  /** Threads that can run at the same time. */
  readonly cores: number;
  /** Bytes of memory that are free. */
  readonly memory: number;
}

/** What this process may use now. */
export const machineHere = (): Machine => ({ cores: coresHere(), memory: memoryHere() });

/** The cores this process may run on, or fewer where a control group (a container's, a Slurm job's) gives it less of their time. */
export const coresHere = (read: (path: string) => string | undefined = readText): number =>
  Math.min(availableParallelism(), Math.max(1, Math.floor(coreQuota(read))));

/**
 * How many cores' time the control groups of this process leave it, by Linux's files: the least of its own group and those above.
 * `Infinity` where nothing is limited. Source: Linux's cgroup-v2.rst (`cpu.max`) and sched-bwc.rst (`cpu.cfs_quota_us`).
 */
export function coreQuota(read: (path: string) => string | undefined): number {
  let least = Number.POSITIVE_INFINITY;
  for (const [, controllers, path] of (read("/proc/self/cgroup") ?? "").matchAll(/^\d+:([^:]*):(\/.*)$/gm)) {
    const unified = controllers === "";
    if (!unified && !controllers!.split(",").includes("cpu")) continue;
    for (let group = join("/", path!); ; group = dirname(group)) {
      const file = (name: string) => read(join("/sys/fs/cgroup", unified ? "" : "cpu", group, name));
      const limit = unified ? file("cpu.max") : `${file("cpu.cfs_quota_us")} ${file("cpu.cfs_period_us")}`;
      const [time, period] = (limit ?? "").trim().split(/\s+/).map(Number);
      // No limit is "max" in one version and -1 in the other.
      if (time! > 0 && period! > 0) least = Math.min(least, time! / period!);
      if (group === "/") break;
    }
  }
  return least;
}

/**
 * Free memory. Linux counts what caches would give back as free, and a control group may allow less. Elsewhere the caches are not
 * counted, so it is half of all memory.
 */
function memoryHere(): number {
  if (process.platform !== "linux") return totalmem() / 2;
  const limit = process.constrainedMemory();
  return Math.min(freemem(), limit > 0 ? limit - process.memoryUsage.rss() : Number.POSITIVE_INFINITY);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
