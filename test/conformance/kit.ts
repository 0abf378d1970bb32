import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { conformanceKit } from "../../src/pipeline/conformance/kit.node.ts";
import { temporaryFolder } from "../cli/run.ts";

/** A folder with the kit in it. */
export async function kitFolder(): Promise<string> {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(await conformanceKit())) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}
