import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, test } from "vitest";
import { freeze } from "../../src/export/freeze.ts";
import { splitExternalData } from "../../src/onnx/external.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { valueInfo } from "../../src/onnx/tensors.ts";
import { sample } from "../checkpoint/sample.ts";
import { host, node } from "../export/attach/hosts.ts";
import { feeds, fused, stream, transformer } from "../export/attach/transformer.ts";
import { cases } from "../sae/cases.ts";
import { saeOnnx, snapshot, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const inputs = at("in");
const models = {
  plain: transformer(),
  fused: fused(),
};

/** A model whose weights are in `location`, and that file. */
function withDataFile(name: string, location: string, model: Model = transformer()) {
  const { model: small, parts } = splitExternalData(model, location);
  writeFileSync(join(inputs, name), encodeModel(small));
  const data = Buffer.alloc(parts.at(-1)!.offset + parts.at(-1)!.bytes.length);
  for (const { offset, bytes } of parts) data.set(bytes, offset);
  return data;
}

beforeAll(async () => {
  mkdirSync(join(inputs, "data"), { recursive: true });
  for (const [name, model] of Object.entries(models)) writeFileSync(join(inputs, `${name}.onnx`), encodeModel(model));
  const checkpoint = await sample(cases[0]!);
  for (const part of ["encoder", "autoencoder", "decoder"] as const)
    writeFileSync(join(inputs, `sae.${part}.onnx`), encodeModel(freeze(checkpoint, part)));
  writeFileSync(join(inputs, "data", "weights.bin"), withDataFile("large.onnx", "data/weights.bin"));
  withDataFile("missing.onnx", "nowhere.bin");
  withDataFile("outside.onnx", "../secret.bin");
  const named = host({
    nodes: [node("v = Add(x, x)"), { opType: "Relu", input: ["v"], output: ["two\nlines\u001b[2K"] }],
    outputs: [valueInfo("two\nlines\u001b[2K", "float32", ["batch", "seq", 16])],
    inputs: [valueInfo("x", "float32", ["batch", "seq", 17])],
  });
  writeFileSync(join(inputs, "escapes.onnx"), encodeModel(named));
  writeFileSync(join(inputs, "text.onnx"), "this is no model");
});

const args = (model: string, out: string, ...more: string[]) => [
  ...["attach", "--model", join(inputs, model), "--tensor", stream],
  ...["--encoder", join(inputs, "sae.encoder.onnx"), "--out", out, ...more],
];

async function runFile(path: string) {
  const session = await ort.InferenceSession.create(path);
  const results = await session.run({ x: new ort.Tensor("float32", feeds.x.data, feeds.x.dims) });
  await session.release();
  return results;
}

test("attach writes a model that gives latents too, and says what it gives", async () => {
  const { status, stdout, stderr } = saeOnnx(...args("plain.onnx", at("out", "plain+sae.onnx")));
  expect(stderr).toContain(`${at("out", "plain+sae.onnx")}: at ${stream} float32 [batch, seq, 16]`);
  expect(stdout).toBe("output sae_latents\noutput sae_top_values\noutput sae_top_indices\n");
  expect(status).toBe(0);
  const [actual, plain] = [await runFile(at("out", "plain+sae.onnx")), await runFile(join(inputs, "plain.onnx"))];
  expect(actual.logits!.data).toEqual(plain.logits!.data);
  expect(actual.sae_latents!.dims).toEqual([2, 5, 32]);
  const again = saeOnnx(
    ...["attach", "--model", at("out", "plain+sae.onnx"), "--tensor", "x", "--prefix", "more", "--steer", "--json"],
    ...["--encoder", join(inputs, "sae.autoencoder.onnx"), "--out", at("out", "two.onnx"), "--outputs", "top_values"],
  );
  expect(again.stderr).toMatch(/error: .*"x" is an input of the model/);
  const steered = saeOnnx(
    ...["attach", "--model", at("out", "plain+sae.onnx"), "--tensor", stream, "--prefix", "more", "--steer", "--json"],
    ...["--encoder", join(inputs, "sae.autoencoder.onnx"), "--out", at("out", "two.onnx"), "--outputs", "top_values"],
  );
  expect(JSON.parse(steered.stdout)).toEqual({
    path: at("out", "two.onnx"),
    inputs: ["more_steer"],
    outputs: ["more_top_values"],
  });
  expect(saeOnnx("inspect", at("out", "two.onnx")).stdout).toMatch(
    /# sae-onnx\.sae: \{"tensor":"layer0[\s\S]*# sae-onnx\.more: /,
  );
});

test("weights in a file of their own stay there; in another folder they are copied; a second time nothing is in the way", async () => {
  const beside = join(inputs, "large+sae.onnx");
  expect(saeOnnx(...args("large.onnx", beside)).status).toBe(0);
  const away = at("elsewhere", "large+sae.onnx");
  for (let n = 0; n < 2; n++) expect(saeOnnx(...args("large.onnx", away)).status).toBe(0);
  expect(readFileSync(at("elsewhere", "data", "weights.bin"))).toEqual(
    readFileSync(join(inputs, "data", "weights.bin")),
  );
  const plain = await runFile(join(inputs, "large.onnx"));
  for (const path of [beside, away]) {
    const actual = await runFile(path);
    expect(actual.logits!.data).toEqual(plain.logits!.data);
    expect(actual.sae_latents!.dims).toEqual([2, 5, 32]);
  }
  rmSync(beside);
});

describe("bad input: one line, exit code 1, nothing written", () => {
  const out = at("refused", "out.onnx");
  const other = (...pairs: [string, string][]) => {
    const list = args("plain.onnx", out);
    for (const [flag, value] of pairs) list[list.indexOf(`--${flag}`) + 1] = value;
    return list;
  };
  const file = (name: string): string => join(inputs, name);
  test.each<[string, string[], RegExp]>([
    ["a model that is none", args("text.onnx", out), /text\.onnx: not an ONNX model/],
    ["no such model", args("none.onnx", out), /none\.onnx: cannot read, no such file/],
    [
      "no such value",
      other(["tensor", "layer1/resid"]),
      /plain\.onnx: has no value "layer1\/resid"; nearest of width 16: layer1\/resid_/,
    ],
    [
      "another width",
      other(["tensor", "logits"]),
      /logits float32 \[batch, seq, 11\] has another width than the encoder's 16; nearest of width 16/,
    ],
    [
      "a decoder",
      other(["encoder", file("sae.decoder.onnx")]),
      /sae\.decoder\.onnx: is the part "decoder"; give a frozen/,
    ],
    [
      "an encoder that is not ours",
      other(["encoder", file("fused.onnx")]),
      /fused\.onnx: is not one of sae-onnx's models; give a frozen/,
    ],
    [
      "the model as --out",
      args("plain.onnx", file("plain.onnx")),
      /--out .*plain\.onnx: is the file to read; write to another one/,
    ],
    [
      "its weights as --out",
      args("large.onnx", file("data/weights.bin")),
      /--out .*weights\.bin: the model keeps its weights there/,
    ],
    [
      "weights that are not there",
      args("missing.onnx", out),
      /nowhere\.bin: no such file, the model keeps weights there/,
    ],
    [
      "weights outside of its folder",
      args("outside.onnx", out),
      /external data at "\.\.\/secret\.bin": only paths inside the model's own folder/,
    ],
    [
      "no decoder to reconstruct with",
      args("plain.onnx", out, "--reconstruct"),
      /needs the decoder; give the \.autoencoder\.onnx/,
    ],
    [
      "another file where the weights go",
      args("large.onnx", at("in-the-way", "out.onnx")),
      /in-the-way\/data\/weights\.bin: is another file than/,
    ],
    [
      "a prefix that is no name",
      args("plain.onnx", out, "--prefix", "a b"),
      /--prefix: must be letters, digits and _, got "a b"/,
    ],
    [
      "names that would write over the line",
      args("escapes.onnx", out),
      /escapes\.onnx: has no value "layer0.*nearest of width 16: two\\u000alines\\u001b\[2K float32/,
    ],
    ["a missing flag", ["attach", "--model", file("plain.onnx")], /--encoder, --out are missing/],
  ])("%s", (_, list, message) => {
    mkdirSync(at("in-the-way", "data"), { recursive: true });
    writeFileSync(at("in-the-way", "data", "weights.bin"), "something else");
    const before = snapshot(inputs);
    const { status, stdout, stderr } = saeOnnx("--quiet", ...list);
    expect(stderr.trimEnd().split("\n"), stderr).toHaveLength(1);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toMatch(message);
    expect([status, stdout]).toEqual([1, ""]);
    expect(snapshot(inputs)).toEqual(before);
    expect([existsSync(at("refused")), existsSync(at("in-the-way", "out.onnx"))]).toEqual([false, false]);
  });
});
