/** @file Which process this is, and whether another one is still there. */
import { createHash } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";

/** Host, its start, and namespace of process ids, in 8 digits; containers on one host differ. */
let known: Promise<string> | undefined;
export function machine(): Promise<string> {
  known ??= Promise.all([
    hostname(),
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readlink("/proc/self/ns/pid").catch(() => ""),
  ]).then((parts) => createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 8));
  return known;
}

/** Whether a process of this machine runs. */
export function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** When a process of this machine started, in ticks since the system did; empty where only Linux would know. */
export async function bornAt(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // Field 22; the second is the program's name in brackets, which may hold anything.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
