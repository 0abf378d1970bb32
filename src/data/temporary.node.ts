import { randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { lives, machine } from "./process.node.ts";

/** Who is writing is in the name: the machine, as far as process ids mean the same, and the process. */
const pattern = /^\.sae-onnx-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part$/;

/** A new name in a folder for a file that is not finished. */
export const temporaryIn = async (folder: string): Promise<string> =>
  join(folder, `.sae-onnx-${await machine()}-${process.pid}-${randomBytes(4).toString("hex")}.part`);

/** What another machine writes to gets older than this only where its writer is gone. In milliseconds. */
const oneDay = 86_400_000;

const looked = new Set<string>();

/** Removes what killed runs left in a folder, at its first use by this process. */
export async function removeLeftovers(folder: string): Promise<void> {
  if (looked.has(folder)) return;
  looked.add(folder);
  await sweep(folder);
}

/** Removes what killed runs have left in a folder by now; never what a living one is writing. */
export async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, of, pid] = pattern.exec(name) ?? [];
    if (of === undefined) continue;
    const path = join(folder, name);
    if (of === (await machine()) ? !lives(Number(pid)) : (await ageOf(path)) > oneDay)
      await rm(path, { force: true, recursive: true }).catch(() => {});
  }
}

/** Milliseconds since a file was written to; less than 0 where a clock was set back since. */
const ageOf = async (path: string): Promise<number> => {
  const { mtimeMs } = (await stat(path).catch(() => undefined)) ?? {};
  return mtimeMs === undefined ? 0 : Date.now() - mtimeMs;
};
