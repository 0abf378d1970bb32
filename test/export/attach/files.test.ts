import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { attachFiles } from "../../../src/export/attach/files.node.ts";
import { readModel } from "../../../src/export/files.node.ts";
import { splitExternalData } from "../../../src/onnx/external.ts";
import { encodeModel } from "../../../src/onnx/model.ts";
import { ConfigError } from "../../../src/util/errors.ts";
import { refusal } from "../../data/helpers.ts";
import { encoder } from "./running.ts";
import { stream, transformer } from "./transformer.ts";

const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));
const at = (...names: string[]) => join(folder, ...names);
writeFileSync(at("sae.onnx"), encodeModel(encoder));

/** A model in a folder of its own with its weights at `location`; gives its path and the weights. */
function model(name: string, location: string) {
  const { model: small, parts } = splitExternalData(transformer(), location);
  mkdirSync(at(name), { recursive: true });
  writeFileSync(at(name, "m.onnx"), encodeModel(small));
  const weights = Buffer.alloc(parts.at(-1)!.offset + parts.at(-1)!.bytes.length);
  for (const { offset, bytes } of parts) weights.set(bytes, offset);
  return { path: at(name, "m.onnx"), weights };
}

const attach = (path: string, out: string) =>
  attachFiles({ model: path, encoder: at("sae.onnx"), out }, { tensor: stream });

test("weights at ./w.data are copied along", async () => {
  const { path, weights } = model("dot", "./w.data");
  writeFileSync(at("dot", "w.data"), weights);
  await attach(path, at("dot-out", "m.onnx"));
  expect(readFileSync(at("dot-out", "w.data"))).toEqual(weights);
});

test("weights that are cut short are refused by name, and nothing is written", async () => {
  const { path, weights } = model("short", "w.data");
  writeFileSync(at("short", "w.data"), weights.subarray(0, weights.length - 1));
  expect(await refusal(() => attach(path, at("short-out", "m.onnx")))).toMatch(
    /short\/w\.data: cut short, it has \d+ bytes, tensor ".*" is bytes \d+ to \d+ of it; get the file again$/,
  );
  expect(existsSync(at("short-out"))).toBe(false);
});

test("a model that is not loaded is not written, nor are its weights", async () => {
  const { path, weights } = model("loaded", "w.data");
  writeFileSync(at("loaded", "w.data"), weights);
  const files = { model: path, encoder: at("sae.onnx"), out: at("loaded-out", "m.onnx") };
  let seen: string[] = [];
  const load = async (temporary: string) => {
    seen = readdirSync(dirname(temporary));
    throw new ConfigError("refused");
  };
  expect(await refusal(() => attachFiles(files, { tensor: stream }, load))).toBe("refused");
  // It is loaded where it will be, beside its weights.
  expect(seen).toEqual([expect.stringMatching(/^\.sae-onnx-/), "w.data"]);
  expect(readdirSync(at("loaded-out"))).toEqual([]);
  await attachFiles(files, { tensor: stream }, async () => {});
  await refusal(() => attachFiles(files, { tensor: stream }, load));
  expect(readdirSync(at("loaded-out"))).toEqual(["m.onnx", "w.data"]);
});

test("an --out that is a link to what is read is refused", async () => {
  const { path, weights } = model("linked", "w.data");
  writeFileSync(at("linked", "w.data"), weights);
  for (const [name, target, message] of [
    ["to model", path, "is the file to read"],
    ["to encoder", at("sae.onnx"), "is the file to read"],
    ["to weights", at("linked", "w.data"), "the model keeps its weights there"],
  ] as const) {
    symlinkSync(target, at(name));
    const before = readFileSync(target);
    expect(await refusal(() => attach(path, at(name)))).toContain(message);
    expect(readFileSync(target)).toEqual(before);
  }
});

/** A folder beside the model's, and a file in it that is no business of a model. */
const secret = at("secret.txt");
writeFileSync(secret, "secret");

test.each([
  ["the file itself a link", "w.data", () => symlinkSync(secret, at("out of", "w.data"))],
  ["its folder a link", "sub/secret.txt", () => symlinkSync(folder, at("out of", "sub"))],
  ["a link to a link", "w2.data", () => symlinkSync("w.data", at("out of", "w2.data"))],
])("weights that lead out of the model's folder are refused by name: %s", async (_, location, link) => {
  const { path } = model("out of", location);
  link();
  expect(await refusal(() => attach(path, at("stolen", "m.onnx")))).toBe(
    `${at("out of", location)}: leads to ${secret}, outside of the model's folder; put the file itself beside the model`,
  );
  expect(await refusal(() => readModel(path))).toMatch(
    location.includes("/") ? /only a file name/ : /leads to .*secret/,
  );
  expect(existsSync(at("stolen"))).toBe(false);
});

test("links within the model's folder are followed", async () => {
  const { path, weights } = model("within", "w.data");
  mkdirSync(at("within", "data"));
  writeFileSync(at("within", "data", "real"), weights);
  symlinkSync("data/real", at("within", "w.data"));
  await attach(path, at("within-out", "m.onnx"));
  expect(readFileSync(at("within-out", "w.data"))).toEqual(weights);
  expect(lstatSync(at("within-out", "w.data")).isFile()).toBe(true);
});

test("a cache of links is read, as model and weights lie in one folder; nothing is attached into it", async () => {
  const { path, weights } = model("blobs", "w.data");
  renameSync(path, at("blobs", "a"));
  writeFileSync(at("blobs", "b"), weights);
  mkdirSync(at("snapshot"));
  symlinkSync("../blobs/a", at("snapshot", "m.onnx"));
  symlinkSync("../blobs/b", at("snapshot", "w.data"));
  await attach(at("snapshot", "m.onnx"), at("snapshot-out", "m.onnx"));
  expect(readFileSync(at("snapshot-out", "w.data"))).toEqual(weights);
  expect(await refusal(() => attach(at("snapshot", "m.onnx"), at("snapshot", "more.onnx")))).toMatch(
    /snapshot\/w\.data: is a link out of the folder of --out, which ONNX Runtime does not follow; write to another folder$/,
  );
  expect(existsSync(at("snapshot", "more.onnx"))).toBe(false);
});

test.skipIf(process.platform === "win32")("a pipe where the weights go is refused and stays one", async () => {
  const { path, weights } = model("piped", "w.data");
  writeFileSync(at("piped", "w.data"), weights);
  mkdirSync(at("piped-out"));
  execFileSync("mkfifo", [at("piped-out", "w.data")]);
  expect(await refusal(() => attach(path, at("piped-out", "m.onnx")))).toMatch(
    /piped-out\/w\.data: cannot write, is a pipe or a device; name a file$/,
  );
  expect(lstatSync(at("piped-out", "w.data")).isFIFO()).toBe(true);
  expect(existsSync(at("piped-out", "m.onnx"))).toBe(false);
});
