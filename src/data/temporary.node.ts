import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** Who is writing is in the name: the machine, as far as process ids mean the same, and the process. */
const pattern = /^\.sae-onnx-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part$/;

/** A new name in a folder for a file that is not finished. */
export const temporaryIn = async (folder: string): Promise<string> =>
  join(folder, `.sae-onnx-${await machine()}-${process.pid}-${randomBytes(4).toString("hex")}.part`);

/** Host, its start, and namespace of process ids, in 8 digits; containers on one host differ. */
let known: Promise<string> | undefined;
function machine(): Promise<string> {
  known ??= Promise.all([
    hostname(),
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readlink("/proc/self/ns/pid").catch(() => ""),
  ]).then((parts) => createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 8));
  return known;
}

/** What is written to gets older than this only where its writer is gone, whatever machine it was on. In milliseconds. */
const oneDay = 86_400_000;

const looked = new Set<string>();

/** Removes what killed runs left in a folder, at its first use by this process; never what a living one is writing. */
export async function removeLeftovers(folder: string): Promise<void> {
  if (looked.has(folder)) return;
  looked.add(folder);
  for (const name of await readdir(folder).catch(() => [])) {
    const [, of, pid] = pattern.exec(name) ?? [];
    if (of === undefined) continue;
    const path = join(folder, name);
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > oneDay || (of === (await machine()) && !lives(Number(pid))))
      await rm(path, { force: true }).catch(() => {});
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
