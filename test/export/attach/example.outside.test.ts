import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { expect, test } from "vitest";

/** Where @huggingface/transformers is installed: 470 MB, too much for every `npm ci`. */
const folder = process.env.TRANSFORMERS_JS ?? ".";
const isInstalled = (() => {
  try {
    return createRequire(resolve(folder, "package.json")).resolve("@huggingface/transformers") !== "";
  } catch {
    return false;
  }
})();

test.skipIf(!isInstalled)(
  "examples/attach loads an attached model with @huggingface/transformers (skipped where TRANSFORMERS_JS names no folder that has it)",
  () => {
    const args = ["examples/attach/transformers.mjs", folder];
    const { status, stdout, stderr } = spawnSync("node", args, { encoding: "utf8" });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^cat: latents \d+ \(-?\d+\.\d\d\), \d+ \(/m);
    expect(stdout).toContain("latents [1,7,32], hidden states unchanged: true, changed by sae_steer: true");
  },
);
