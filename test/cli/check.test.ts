import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { saeOnnx, temporaryFolder } from "./run.ts";

const dims = ["--input-dim", "8", "--latent-dim", "16", "--k", "3"];

test("build-graph --check looks at every provider's own graph and writes nothing", () => {
  const out = temporaryFolder();
  const { status, stdout } = saeOnnx("build-graph", ...dims, "--check", "--out", out);
  const fits = ["cpu", "cuda", "webgpu", "wasm"].map((provider) => `  ${provider}: all nodes have a kernel\n`);
  expect(stdout).toBe(`${join(out, "topk_report_d16_k3.onnx")}\n${fits.join("")}`);
  expect([status, readdirSync(out)]).toEqual([0, []]);
});

test("inspect --check names the nodes of a file that a provider would not run", () => {
  const out = temporaryFolder();
  expect(saeOnnx("build-graph", ...dims, "--step", "live", "--out", out).status).toBe(0);
  const { status, stdout } = saeOnnx("inspect", join(out, "topk_report_d16_k3.onnx"), "--check");
  expect(status).toBe(0);
  for (const provider of ["cpu", "wasm"]) expect(stdout).toContain(`  ${provider}: all nodes have a kernel\n`);
  expect(stdout).toMatch(/ {2}webgpu: \d+ nodes/);
  expect(stdout).toMatch(/Loop.*no kernel; train by single steps there/);
  // Live rows are updated by their computed numbers.
  expect(stdout).toMatch(/ScatterND.*where indices repeat/);
});
