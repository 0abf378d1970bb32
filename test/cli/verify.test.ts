import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { decodeModel, encodeModel, metadataOf, withMetadata } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { tensor } from "../../src/util/tensor.ts";
import { npy, saeOnnx, snapshot, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const stem = "sae_d24_k2";
const checkpoint = at(`models/${stem}.safetensors`);
const exported = at("exported");
const encoder = `${stem}.encoder.onnx`;
const model = () => decodeModel(readFileSync(join(exported, encoder)), encoder);

beforeAll(() => {
  writeFileSync(at("acts.npy"), npy(sparseRows(200, 16)));
  writeFileSync(at("wide.npy"), npy(sparseRows(200, 20)));
  const sizes = ["--latent-dim", "24", "--k", "2", "--epochs", "3", "--batch-size", "32"];
  expect(saeOnnx("train", "--data", at("acts.npy"), ...sizes, "--out", at("models")).status).toBe(0);
  expect(saeOnnx("export", checkpoint, "--out", exported).status).toBe(0);
});

test("verify replays every exported part on cpu and wasm", () => {
  const { status, stdout } = saeOnnx(
    "verify",
    join(exported, encoder),
    join(exported, `${stem}.autoencoder.onnx`),
    "--json",
  );
  expect(status).toBe(0);
  const { bounds, models } = JSON.parse(stdout);
  expect(bounds).toEqual({ selection: 1e-5, values: 1e-5 });
  for (const { ok, replays } of models) {
    expect(ok).toBe(true);
    expect(replays.map(({ provider }: { provider: string }) => provider)).toEqual(
      expect.arrayContaining(["cpu", "wasm"]),
    );
  }
});

describe("export --dtype", () => {
  const int8 = (...more: string[]) => ["export", checkpoint, "--dtype", "int8", "--out", at("int8"), ...more];
  test("measures what it costs, prints it and keeps it in the metadata", () => {
    const { status, stdout, stderr } = saeOnnx(...int8("--data", at("acts.npy"), "--json"));
    expect(status).toBe(0);
    expect(stderr).toMatch(/int8 explained variance .* of the selected latents lost, 40 validation rows/);
    const [{ path, loss }] = JSON.parse(stdout);
    const metadata = metadataOf(decodeModel(readFileSync(path), path));
    expect(metadata.dtype).toBe("int8");
    expect(JSON.parse(metadata.dtype_loss!)).toEqual(loss);
    expect(loss.explained_variance_loss).toBeCloseTo(loss.explained_variance_float32 - loss.explained_variance, 12);
    expect(loss.explained_variance_loss).not.toBe(0);
    const evaluated = saeOnnx("eval", at(`int8/${stem}.int8.autoencoder.onnx`), "--data", at("acts.npy"), "--json");
    expect(JSON.parse(evaluated.stdout).rows[0].explained_variance).toBeCloseTo(loss.explained_variance, 6);
  });

  test.each([
    ["without --data", [], /--dtype int8 needs --data/],
    ["data of another width", ["--data", at("wide.npy")], /16 wide, the data are 20 wide/],
  ])("%s: one line, nothing written", (_, more, said) => {
    const out = at("refused");
    const { status, stderr } = saeOnnx("export", checkpoint, "--dtype", "int8", "--out", out, ...more);
    expect([status, existsSync(out)]).toEqual([1, false]);
    expect(stderr.trim().split("\n").at(-1)).toMatch(said);
  });
});

test("export names the checkpoint a target cannot express, and writes none of them", () => {
  const sizes = ["--latent-dim", "24", "--k", "21", "--epochs", "1", "--batch-size", "32"];
  expect(saeOnnx("train", "--data", at("acts.npy"), ...sizes, "--out", at("large")).status).toBe(0);
  const [large, out] = [at("large/sae_d24_k21.safetensors"), at("both")];
  const { status, stderr } = saeOnnx("export", checkpoint, large, "--target", "compat", "--out", out);
  expect([status, existsSync(out)]).toEqual([1, false]);
  expect(stderr.match(/error: .*/g)).toEqual([
    expect.stringMatching(/sae_d24_k21\.safetensors: target compat: k = 21 .* 20 are the most; use target portable$/),
  ]);
});

test("export refuses a dtype that loses more than --max-ev-loss, and writes nothing", () => {
  // One large entry in every decoder row leaves the others few of the 255 steps.
  const sae = readCheckpoint(readFileSync(checkpoint), checkpoint);
  const W_dec = tensor("float32", [24, 16], sae.tensors.W_dec!.data.slice());
  for (let latent = 0; latent < 24; latent++) W_dec.data[latent * 16] = 50;
  writeFileSync(at("coarse.safetensors"), writeCheckpoint({ ...sae, tensors: { ...sae.tensors, W_dec } }));
  const out = at("coarse");
  const dtype = (...more: string[]) =>
    saeOnnx("export", at("coarse.safetensors"), "--dtype", "int8", "--data", at("acts.npy"), "--out", out, ...more);
  const refused = dtype();
  expect([refused.status, existsSync(out)]).toEqual([1, false]);
  expect(refused.stderr).toMatch(
    /error: .*int8 loses \d.* of explained variance, --max-ev-loss allows 0.005; use another/,
  );
  expect(dtype("--max-ev-loss", "1e6").status).toBe(0);
  expect(existsSync(out)).toBe(true);
});

/** What is wrong with a copy of the encoder and its vectors, and what the one line says. */
const damages: [string, (put: { model: (changed: Model) => void; parity: string }) => void, RegExp][] = [
  ["no model of ours", ({ model: put }) => put(withMetadata(model(), {})), /not a model of sae-onnx/],
  ["metadata missing", ({ model: put }) => put(without("latent_dim")), /metadata "latent_dim" is missing/],
  [
    "metadata that contradict",
    ({ model: put }) => put(said({ input_dim: "17" })),
    /"input_dim" is "17", activations says 16/,
  ],
  ["no configuration", ({ model: put }) => put(without("config")), /"config" is damaged \(it has no architecture\)/],
  ["no part", ({ model: put }) => put(without("part")), /metadata "part" is missing/],
  ["no target", ({ model: put }) => put(without("target")), /metadata "target" is missing/],
  ["no architecture", ({ model: put }) => put(without("architecture")), /metadata "architecture" is missing/],
  [
    "another architecture than the configuration's",
    ({ model: put }) => put(said({ architecture: "topk-relu" })),
    /"architecture" is "topk-relu", metadata "config" says topk;/,
  ],
  [
    "another part",
    ({ model: put }) => put(said({ part: "decoder" })),
    /"part" is "decoder", the list of its inputs and outputs says encoder/,
  ],
  [
    "another target",
    ({ model: put }) => put(said({ target: "portable" })),
    /"target" is "portable", opset 17 says ort/,
  ],
  [
    "another dtype than the tensors'",
    ({ model: put }) => put(said({ dtype: "int8" })),
    /"dtype" is "int8", W_enc says float32/,
  ],
  ["no vectors named", ({ model: put }) => put(without("parity")), /names no verification vectors.*export/],
  ["another digest", ({ model: put }) => put(said({ parity: "0".repeat(64) })), /digest .* names "000000000000"/],
  ["vectors that are damaged", ({ parity }) => flip(parity), /digest .*damaged, or of another model/],
  [
    "vectors that are missing",
    ({ parity }) => writeFileSync(parity.replace("bad", "elsewhere"), ""),
    /verification vectors .* are missing/,
  ],
];
const said = (more: Record<string, string>) => withMetadata(model(), { ...metadataOf(model()), ...more });
const without = (key: string) => {
  const { [key]: _, ...rest } = metadataOf(model());
  return withMetadata(model(), rest);
};
const flip = (path: string) => {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
};

describe("verify refuses in one line", () => {
  test.each(damages)("%s", (name, damage, line) => {
    const own = at(name.replaceAll(/\W/g, "_"));
    mkdirSync(own);
    const parity = join(own, "bad.parity.safetensors");
    copyFileSync(join(exported, encoder), join(own, "bad.onnx"));
    if (!name.endsWith("missing") || name === "metadata missing")
      copyFileSync(join(exported, `${stem}.encoder.parity.safetensors`), parity);
    damage({ model: (changed) => writeFileSync(join(own, "bad.onnx"), encodeModel(changed)), parity });
    const before = snapshot(own);
    const { status, stdout, stderr } = saeOnnx("verify", join(own, "bad.onnx"));
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr.match(/error: .*/g)).toHaveLength(1);
    expect(stderr).toMatch(line);
    expect(snapshot(own)).toEqual(before);
  });
});

test("a model whose weights were changed differs, and verify fails", () => {
  const changed = model();
  const weights = changed.graph!.initializer!.find(({ name }) => name === "W_enc")!;
  weights.rawData![3]! ^= 0x80;
  writeFileSync(at("changed.onnx"), encodeModel(changed));
  copyFileSync(join(exported, `${stem}.encoder.parity.safetensors`), at("changed.parity.safetensors"));
  const { status, stdout, stderr } = saeOnnx("verify", at("changed.onnx"));
  expect(status).toBe(1);
  expect(stdout).toContain("DIFFERS on cpu");
  expect(stderr).toMatch(/1 of 1 models did not give what they should: .*changed\.onnx/);
});
