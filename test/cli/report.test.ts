import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { serializeMetrics } from "../../src/record/metricsFile.ts";
import { fileOf, row } from "../report/sample.ts";
import { saeOnnx, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const experiment = "examples/data/experiment-grid.json";
const curve = (n: number) => Array.from({ length: n }, (_, i) => (i < n / 2 ? 1 / (i + 2) : 0));
const latents = (n: number) =>
  JSON.stringify({ frequency: curve(n), mean_activation: curve(n), max_activation: curve(n) });

/** A metrics file of two SAEs of one layer, and what their latents did. */
function write(name: string, layer: number, digest: string) {
  mkdirSync(at(name), { recursive: true });
  const rows = [512, 1024].map((latent_dim) => row({ name: `sae_d${latent_dim}`, latent_dim, k: 5, layer }));
  writeFileSync(at(name, "m.json"), serializeMetrics(fileOf(rows, { source: `${name}.npy`, digest })));
  for (const { name: sae, latent_dim } of rows) writeFileSync(at(name, `${sae}.latents.json`), latents(latent_dim));
}

beforeAll(() => {
  write("l3", 3, "a3");
  write("l14", 14, "a14");
  write("other", 14, "b14");
  write("broken", 5, "a5");
  writeFileSync(at("broken", "sae_d512.latents.json"), latents(7));
});

const markdown = (out: string) => readFileSync(at(out, "report.md"), "utf8");

describe("one file", () => {
  test("gives the page and every figure as .vl.json, .svg and .png", () => {
    const { status, stdout, stderr } = saeOnnx("report", at("l3", "m.json"), "--out", at("one"), "--json");
    expect(status, stderr).toBe(0);
    const { page, files } = JSON.parse(stdout) as { page: string; files: string[] };
    expect(page).toBe(at("one", "index.html"));
    expect(readdirSync(at("one")).sort()).toEqual(files.toSorted());
    const figures = files.filter((name) => name.endsWith(".svg")).map((name) => name.slice(0, -4));
    expect(figures).toEqual(
      expect.arrayContaining(["pareto_frontier", "heatmap_explained_variance", "latent_frequency"]),
    );
    for (const name of figures) {
      expect(files).toContain(`${name}.vl.json`);
      expect([...readFileSync(at("one", `${name}.png`)).subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
    }
  });

  test("against the original experiment, cell by cell, without its file", () => {
    const { status, stderr } = saeOnnx(
      "report",
      at("l14", "m.json"),
      "--compare",
      "experiment",
      "--out",
      at("compared"),
    );
    expect(status, stderr).toBe(0);
    expect(markdown("compared")).toContain("against **the original experiment** (B), 2 configurations");
    expect(markdown("compared")).toContain("| d=512, k=5 | 0.500 | 0.702 | −0.202 | one seed on a side: no spread |");
    expect(markdown("compared")).toContain("largest difference −0.210 (d=1024, k=5)");
  });

  test("against another file", () => {
    const { status, stderr } = saeOnnx("report", at("l14", "m.json"), "--compare", experiment, "--out", at("against"));
    expect(status, stderr).toBe(0);
    expect(markdown("against")).toContain(`against **${experiment}** (B), 2 configurations`);
    expect(markdown("against")).toContain("| d=1024, k=5 | 0.500 | 0.710 | −0.210 | one seed on a side: no spread |");
  });
});

describe("several files", () => {
  test("make one report; equal names keep their own latents", () => {
    const { status, stdout, stderr } = saeOnnx("report", at("l3", "m.json"), at("l14", "m.json"), "--out", at("both"));
    expect(status, stderr).toBe(0);
    expect(stdout).toBe(`open ${at("both", "index.html")}\n`);
    const report = markdown("both");
    expect(report).toContain("4 SAEs on **l3.npy, l14.npy**");
    expect(report).toContain("| l3.npy | 80 | 20 | `a3` |");
    expect(report).toContain("| l14.npy | 80 | 20 | `a14` |");
    expect(readFileSync(at("both", "metrics.csv"), "utf8")).toContain(`${at("l14", "m.json")}: sae_d512`);
    expect(readFileSync(at("both", "latent_frequency.vl.json"), "utf8")).toContain("d=1024, k=5, layer 14 (512 dead)");
  });
});

test.each([
  ["a missing second file", [at("l3", "m.json"), at("nowhere.json")], /nowhere\.json: cannot read/],
  [
    "different activations of one layer",
    [at("l14", "m.json"), at("other", "m.json")],
    /measured on different activations \(digests a14 and b14, both layer 14, position 3\); report them apart, or one with --compare/,
  ],
  [
    "latents of another SAE",
    [at("broken", "m.json")],
    /sae_d512\.latents\.json: frequency has 7 entries.*512 latents; delete/,
  ],
  ["nothing to compare with", [at("l3", "m.json"), "--compare", at("gone.json")], /gone\.json: cannot read/],
  ["an empty comparison", [at("l3", "m.json"), "--compare="], /--compare: .*experiment/],
])("%s: one line, exit code 1, nothing written", (_, args, message) => {
  const { status, stdout, stderr } = saeOnnx("report", ...args, "--out", at("never"));
  expect(stderr.trimEnd().split("\n"), stderr).toHaveLength(1);
  expect(stderr.trimEnd()).toMatch(message);
  expect(stderr).toMatch(/^error: /);
  expect(stderr).not.toContain("unexpected");
  expect(status).toBe(1);
  expect(stdout).toBe("");
  expect(existsSync(at("never"))).toBe(false);
});
