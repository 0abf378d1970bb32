import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { conformanceKit } from "../../src/conformance/kit.ts";
import { python } from "../python/python.mjs";

export function writeKit(folder: string): void {
  for (const [name, content] of Object.entries(conformanceKit())) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** What check.py says of every case, by fault ("" is none): `""` where it is right, `null` where it is refused. */
export const said = (folder: string, by: "implementation" | "saelens"): Record<string, Record<string, string | null>> =>
  JSON.parse(execFileSync(python, ["-B", "test/conformance/drive.py", folder, by], { encoding: "utf8" }));
