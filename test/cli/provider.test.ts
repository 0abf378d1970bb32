import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { saeOnnx, snapshot, temporaryFolder } from "./run.ts";

const build = (folder: string, ...flags: string[]) =>
  saeOnnx("build-graph", "--input-dim", "16", "--latent-dim", "128", "--k", "4", "--out", folder, ...flags);

test("build-graph writes the wrapper of each provider, in a step form it can run", () => {
  const named = { cpu: "topk_live_loop", wasm: "topk_live_loop", webgpu: "topk_dense_single", cuda: "topk_dense_scan" };
  for (const [provider, name] of Object.entries(named)) {
    const folder = temporaryFolder();
    expect(build(folder, "--provider", provider).status, provider).toBe(0);
    expect(readFileSync(join(folder, "topk_report_d128_k4.txt"), "utf8")).toContain(name);
  }
});

test("a step form a provider cannot run is refused, and nothing written", () => {
  const folder = temporaryFolder();
  const { status, stderr } = build(folder, "--provider", "cuda", "--step", "live");
  expect(stderr).toBe("error: provider cuda cannot run step live, only dense; leave --step out\n");
  expect([status, snapshot(folder)]).toEqual([1, {}]);
});
