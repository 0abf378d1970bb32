import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { npy, saeOnnx, sparseRows, temporaryFolder } from "./run.ts";

const fixtures = "test/fixtures/pretrained";

test("import, eval, and export to another library's format", () => {
  const out = temporaryFolder();
  const made = saeOnnx("import", join(fixtures, "sparsify-signed"), "--out", out, "--name", "a", "--json");
  expect(made.status, made.stderr).toBe(0);
  expect(JSON.parse(made.stdout)).toMatchObject({
    architecture: "pretrained-topk",
    source: "sparsify",
    latent_dim: 24,
  });
  expect(readdirSync(out).sort()).toEqual(["a.autoencoder.onnx", "a.encoder.onnx", "a.safetensors"]);

  writeFileSync(join(out, "x.npy"), npy(sparseRows(40, 12)));
  const measured = saeOnnx("eval", join(out, "a.autoencoder.onnx"), "--data", join(out, "x.npy"), "--json");
  expect(JSON.parse(measured.stdout).rows[0]).toMatchObject({
    architecture: "pretrained-topk",
    preset: "sparsify",
    k: 4,
  });

  const written = saeOnnx("export", join(out, "a.safetensors"), "--format", "sparsify");
  expect(written.status, written.stderr).toBe(0);
  expect(readdirSync(join(out, "a.sparsify")).sort()).toEqual(["cfg.json", "sae.safetensors"]);
  const refused = saeOnnx("export", join(out, "a.safetensors"), "--format", "saelens");
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/^error: .*selects them by magnitude.*\n$/),
  ]);
  expect(readdirSync(out)).not.toContain("a.saelens");
});

test("what cannot be imported is one line, and nothing is written", () => {
  const out = temporaryFolder();
  const bad = join(temporaryFolder(), "bad.pt");
  writeFileSync(bad, "PK no archive");
  for (const path of [bad, "src", "nowhere", fixtures]) {
    const { status, stderr } = saeOnnx("import", path, "--out", out);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^error: [^\n]+\n$/)]);
  }
  expect(readdirSync(out)).toEqual([]);
});
