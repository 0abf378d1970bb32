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
  expect(readdirSync(out).sort()).toEqual(
    [
      "autoencoder.onnx",
      "autoencoder.parity.safetensors",
      "encoder.onnx",
      "encoder.parity.safetensors",
      "safetensors",
    ].map((part) => `a.${part}`),
  );

  writeFileSync(join(out, "x.npy"), npy(sparseRows(40, 12)));
  const measured = saeOnnx("eval", join(out, "a.autoencoder.onnx"), "--data", join(out, "x.npy"), "--json");
  expect(JSON.parse(measured.stdout).rows[0]).toMatchObject({
    architecture: "pretrained-topk",
    preset: "sparsify",
    k: 4,
  });

  const written = saeOnnx("export", join(out, "a.safetensors"), "--format", "saelens");
  expect(written.status, written.stderr).toBe(0);
  expect(readdirSync(join(out, "a.saelens")).sort()).toEqual(["cfg.json", "sae_weights.safetensors"]);
  const refused = saeOnnx("export", join(out, "a.safetensors"), "--format", "sparsify");
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/^error: [^\n]*a\.safetensors: sparsify has [^\n]* with --format saelens or as \.onnx\n$/),
  ]);
  expect(readdirSync(out)).not.toContain("a.sparsify");
  for (const [flag, value] of [
    ["--dtype", "int8"],
    ["--target", "compat"],
    ["--part", "decoder"],
  ] as const) {
    const other = saeOnnx(
      "export",
      join(out, "a.safetensors"),
      "--format",
      "sparsify",
      "--out",
      join(out, "b"),
      flag,
      value,
    );
    expect([other.status, other.stderr]).toEqual([
      1,
      expect.stringMatching(`^error: ${flag} is for .onnx models; [^\n]+\n$`),
    ]);
  }
  expect(readdirSync(out)).not.toContain("b");
});

test.each(["sparsify-signed", "saelens-jumprelu", "saelens-standard"])(
  "%s: what import wrote, and what export writes of it, is verified",
  (name) => {
    const out = temporaryFolder();
    expect(saeOnnx("import", join(fixtures, name), "--out", out, "--name", "a").status).toBe(0);
    const checkpoint = join(out, "a.safetensors");
    for (const target of ["ort", "portable"]) {
      const parts = "encoder,decoder,autoencoder,evaluator";
      const { status, stderr } = saeOnnx("export", checkpoint, "--target", target, "--part", parts, "--out", out);
      expect(status, stderr).toBe(0);
    }
    const models = readdirSync(out).filter((file) => file.endsWith(".onnx"));
    expect(models).toHaveLength(8);
    const { status, stdout } = saeOnnx("verify", ...models.map((file) => join(out, file)), "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout).models.every(({ ok }: { ok: boolean }) => ok)).toBe(true);
    const before = readdirSync(out);
    const compat = saeOnnx("export", checkpoint, "--target", "compat");
    if (name === "saelens-jumprelu") {
      expect([compat.status, compat.stderr]).toEqual([
        1,
        expect.stringMatching(
          /^error: [^\n]*a\.safetensors: target compat: architecture pretrained-jumprelu needs [^\n]*use target portable\n$/,
        ),
      ]);
      expect(readdirSync(out)).toEqual(before);
    } else expect(compat.status, compat.stderr).toBe(0);
  },
);

test("inspect says in plain words where an imported SAE comes from", () => {
  const out = temporaryFolder();
  const made = saeOnnx("import", join(fixtures, "saelens-5-topk"), "--out", out, "--name", "a");
  const origin = "model gpt2-small, hook blocks.8.hook_resid_pre, layer 8, dataset text";
  expect(made.stdout).toBe(`pretrained-topk from saelens, 12 to 24; comes from ${origin}\n`);
  for (const file of ["a.safetensors", "a.encoder.onnx"])
    expect(saeOnnx("inspect", join(out, file)).stdout).toMatch(new RegExp(`^# comes from: ${origin}\n# `));
  saeOnnx("import", join(fixtures, "sparsify"), "--out", out, "--name", "b");
  expect(saeOnnx("inspect", join(out, "b.safetensors")).stdout).not.toContain("comes from");
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
