import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
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
  const features = saeOnnx("export", join(out, "a.safetensors"), "--format", "neuronpedia", "--out", join(out, "b"));
  expect([features.status, features.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^error: --format neuronpedia: [^\n]* sae-onnx features [^\n]* --format neuronpedia writes them\n$/,
    ),
  ]);
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

test("an SAE is not written over another, and a file of a folder is named after the folder", () => {
  const out = temporaryFolder();
  const from = temporaryFolder();
  for (const [name, fixture] of Object.entries({ one: "saelens-jumprelu", other: "saelens-standard" }))
    cpSync(join(fixtures, fixture), join(from, name, "sae"), { recursive: true });
  const read = (name: string, ...more: string[]) =>
    saeOnnx("import", join(from, name, "sae", "sae_weights.safetensors"), "--out", out, ...more);
  expect(read("one").status).toBe(0);
  expect(readdirSync(out).every((file) => /^sae\.(autoencoder|encoder|safetensors)/.test(file))).toBe(true);
  const before = readFileSync(join(out, "sae.safetensors"));
  const refused = read("other");
  expect([refused.status, refused.stderr]).toEqual([
    1,
    `error: ${join(out, "sae.safetensors")}: is another SAE; give this one another --name or --out, or replace it with --force\n`,
  ]);
  expect(readFileSync(join(out, "sae.safetensors"))).toEqual(before);
  expect(read("one").status).toBe(0);
  expect(read("other", "--force").status).toBe(0);
  expect(readFileSync(join(out, "sae.safetensors"))).not.toEqual(before);
});

test("what cannot be imported is one line, and nothing is written", () => {
  const out = temporaryFolder();
  const bad = join(temporaryFolder(), "bad.pt");
  writeFileSync(bad, "PK no archive");
  for (const path of [bad, "src", "nowhere"]) {
    const { status, stderr } = saeOnnx("import", path, "--out", out);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^error: [^\n]+\n$/)]);
  }
  expect(readdirSync(out)).toEqual([]);
});

test("a folder of many is imported in one command; what is refused is named, and the others are written", () => {
  const run = temporaryFolder();
  const out = temporaryFolder();
  for (const name of ["layers.2", "layers.10.mlp"])
    cpSync(join(fixtures, "sparsify"), join(run, name), { recursive: true });
  const good = saeOnnx("import", run, "--out", out, "--name", "a");
  expect([good.status, good.stdout]).toEqual([
    0,
    "layers.2: pretrained-topk from sparsify, 12 to 24\nlayers.10.mlp: pretrained-topk from sparsify, 12 to 24\n",
  ]);
  const written = readdirSync(out).filter((name) => name.endsWith(".autoencoder.onnx"));
  expect(written.sort()).toEqual(["a_layers.10.mlp.autoencoder.onnx", "a_layers.2.autoencoder.onnx"]);
  cpSync(join(fixtures, "saelens-standard"), join(run, "b/c"), { recursive: true });
  writeFileSync(join(run, "layers.2", "cfg.json"), "{");
  const some = saeOnnx("import", run, "--out", join(out, "some"), "--json");
  expect(some.status).toBe(1);
  expect(JSON.parse(some.stdout).map(({ source }: { source: string }) => source)).toEqual(["saelens", "sparsify"]);
  expect(some.stderr).toMatch(/^not imported: [^\n]*layers\.2\/cfg\.json: is not JSON/m);
  expect(some.stderr).toMatch(
    /error: [^\n]*: 1 of 3 were not imported; the first: [^\n]*layers\.2\/cfg\.json[^\n]*\n$/,
  );
  expect(readdirSync(join(out, "some"))).toContain("b_c.safetensors");
});

test("what only says how an SAE was trained is left out, and named once", () => {
  const out = temporaryFolder();
  const folder = "test/fixtures/peers/saelens/training-topk-factor";
  const { status, stderr } = saeOnnx("import", folder, "--out", out, "--name", "a");
  expect(status, stderr).toBe(0);
  expect(stderr.match(/left out: decoder_init_norm, aux_loss_coefficient/g)).toHaveLength(1);
  expect(stderr).toContain("what inputs were multiplied by, 0.625, is in the weights now");
});

test("--norm-factor says what no file does, and --unsigned writes an SAE with signs for a library without", () => {
  const out = temporaryFolder();
  const folder = "test/fixtures/peers/saelens/abstopk-factor";
  const refused = saeOnnx("import", folder, "--out", out);
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/^error: [^\n]*with --norm-factor[^\n]*\n$/),
  ]);
  const wrong = saeOnnx("import", folder, "--out", out, "--norm-factor", "-1");
  expect([wrong.status, wrong.stderr]).toEqual([1, "error: --norm-factor must be a number above 0, got -1\n"]);
  expect(saeOnnx("import", folder, "--out", out, "--name", "a", "--norm-factor", "1.375").status).toBe(0);
  const checkpoint = join(out, "a.safetensors");
  for (const format of ["sparsify", "dictionary-learning"]) {
    const signed = saeOnnx("export", checkpoint, "--format", format);
    expect([signed.status, signed.stderr]).toEqual([1, expect.stringMatching(/with --unsigned \(exact[^\n]*\n$/)]);
    const made = saeOnnx("export", checkpoint, "--format", format, "--unsigned", "--json");
    expect(made.status, made.stderr).toBe(0);
    expect(made.stderr).toContain("at equal magnitudes those above 0 are kept first");
    expect(JSON.parse(made.stdout)[0]).toMatchObject({ format, unsigned: true });
  }
  const { num_latents, k } = JSON.parse(readFileSync(join(out, "a.sparsify", "cfg.json"), "utf8"));
  expect([num_latents, k]).toEqual([32, 5]);
  const onnx = saeOnnx("export", checkpoint, "--unsigned");
  expect([onnx.status, onnx.stderr]).toEqual([1, "error: --unsigned is for --format; .onnx has signs, leave it out\n"]);
});
