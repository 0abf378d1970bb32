import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Something that a script of package.json builds. */
export interface Built {
  readonly script: string;
  /** The file that the script writes last. */
  readonly file: string;
  /** Files and folders that it is made of. */
  readonly from: readonly string[];
}

const lock = "node_modules/.sae-onnx-building";

/** Runs each script whose file is missing or older than what it is made of, in order; one process at a time. */
export async function fresh(...all: readonly Built[]): Promise<void> {
  if (!all.some(isStale)) return;
  await locked(() => {
    for (const built of all) if (isStale(built)) build(built);
  });
}

const isStale = ({ file, from }: Built): boolean => !(timeOf(file) >= Math.max(...from.map(newest)));

/** When a file was last written; NaN for one that is not there. */
const timeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NaN;

/** When a file, or anything in a folder, was last written; a folder's own time tells of files taken away. */
function newest(path: string): number {
  if (!statSync(path).isDirectory()) return timeOf(path);
  return Math.max(timeOf(path), ...readdirSync(path).map((name) => newest(join(path, name))));
}

/**
 * Runs the script. Where it fails, tests that need none of it still run: `tsc` writes JavaScript in spite of wrong types. Its
 * last file goes, so that it is never taken for fresh.
 */
function build({ script, file }: Built): void {
  const { status, stdout, stderr } = spawnSync("npm", ["run", "-s", script], { encoding: "utf8" });
  if (status === 0) return;
  rmSync(file, { force: true });
  console.error(`${stdout}${stderr}npm run ${script} fails; tests of what it builds will too, or see a part of it\n`);
}

/** Does `work` while no other process does. */
async function locked(work: () => void): Promise<void> {
  while (!taken()) await setTimeout(100);
  try {
    work();
  } finally {
    rmSync(lock);
  }
}

/** Whether the lock is ours now; one of a process that has ended is taken away. */
function taken(): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (!holderRuns()) rmSync(lock, { force: true });
    return false;
  }
}

function holderRuns(): boolean {
  try {
    return process.kill(Number(readFileSync(lock, "utf8")), 0);
  } catch {
    return false;
  }
}
