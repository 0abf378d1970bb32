import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("examples/attach runs an attached model in onnxruntime-web", () => {
  const { status, stdout, stderr } = spawnSync("node", ["examples/attach/attach.mjs"], { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/token 5: latents \d+ \(-?\d+\.\d\d\), \d+ \(/);
  expect(stdout).toContain("latents [1,5,32], logits unchanged: true");
});

test("without @huggingface/transformers the example says where to look", () => {
  const { status, stderr } = spawnSync("node", ["examples/attach/transformers.mjs", "src"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(/^\S+src: @huggingface\/transformers is not installed there .*\n$/),
  ]);
});
