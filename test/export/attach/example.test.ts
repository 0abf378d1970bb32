import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { expect, test } from "vitest";

test("examples/attach runs an attached model in onnxruntime-web", () => {
  const { status, stdout, stderr } = spawnSync("node", ["examples/attach/attach.mjs"], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/token 5: latents \d+ \(-?\d+\.\d\d\), \d+ \(/);
  expect(stdout).toContain("latents [1,5,32], logits unchanged: true");
});

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

test("without it the example says where to look", () => {
  const { status, stderr } = spawnSync("node", ["examples/attach/transformers.mjs", "src"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(/^\S+src: @huggingface\/transformers is not installed there .*\n$/),
  ]);
});
