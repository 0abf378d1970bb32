import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { saeOnnx, temporaryFolder } from "./run.ts";

const dims = ["--input-dim", "8", "--latent-dim", "16", "--k", "3"];

test("build-graph refuses a graph that would fall back, and writes nothing", () => {
  const out = temporaryFolder();
  const { status, stderr } = saeOnnx("build-graph", ...dims, "--step", "live", "--provider", "webgpu", "--out", out);
  // Nodes before the Loop come first.
  expect(stderr).toMatch(
    /^error: .*\.onnx: \S+_0: \w+ on \w+ does not run on webgpu: .* \(and \d+ more; --check lists them\)\n$/,
  );
  expect(status).toBe(1);
  expect(readdirSync(out)).toEqual([]);
});

test("build-graph --check prints every provider and writes nothing; inspect --check says the same of a file", () => {
  const out = temporaryFolder();
  const checked = saeOnnx("build-graph", ...dims, "--check", "--out", out);
  expect(checked.status).toBe(0);
  expect(checked.stdout).toMatch(
    / {2}cpu: all nodes have a kernel\n {2}cuda: all nodes have a kernel\n {2}webgpu: \d+ nodes/,
  );
  expect(readdirSync(out)).toEqual([]);
  expect(saeOnnx("build-graph", ...dims, "--out", out).status).toBe(0);
  const file = join(out, readdirSync(out).find((name) => name.endsWith(".onnx"))!);
  expect(saeOnnx("inspect", file, "--check").stdout).toBe(checked.stdout);
});
