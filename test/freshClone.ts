import { execFileSync } from "node:child_process";
import { cpSync, existsSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { temporaryFolder } from "./cli/run.ts";

/** A copy of what git has or would add, as a fresh clone has it, after `npm ci`: nothing is built. */
export function freshClone(): string {
  const folder = temporaryFolder();
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { encoding: "utf8" });
  for (const file of listed.split("\0")) if (file && existsSync(file)) cpSync(file, join(folder, file));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  return folder;
}

/** What the npm registry's absence looks like in npm's messages; undefined where it was there. */
export const noRegistry = (stderr: string): string | undefined =>
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(stderr) ? "the npm registry cannot be reached" : undefined;
