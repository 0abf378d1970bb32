import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { freeze } from "../../src/export/freeze.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { sample } from "../checkpoint/sample.ts";
import { stream, transformer } from "../export/attach/transformer.ts";
import { cases } from "../sae/cases.ts";
import { npy, saeOnnx, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const model = transformer();
  // Exporters often declare nothing inside.
  writeFileSync(at("lm.onnx"), encodeModel({ ...model, graph: { ...model.graph, valueInfo: [] } }));
  writeFileSync(at("sae.onnx"), encodeModel(freeze(await sample(cases[0]!), "encoder")));
  writeFileSync(at("x.npy"), npy(sparseRows(4, 3)));
});

test("the values of a model, with shapes that nobody declared; where an encoder fits", () => {
  const { status, stdout } = saeOnnx("inspect", at("lm.onnx"), "--encoder", at("sae.onnx"), "--grep", "resid*add");
  expect(status).toBe(0);
  expect(stdout).toMatch(new RegExp(`^\\* ${stream}  +float32 \\[batch, seq, 16\\]  +Add$`, "m"));
  expect(stdout).toMatch(/weights of the whole model: \d+ tensors, /);
  const { values } = JSON.parse(saeOnnx("inspect", at("lm.onnx"), "--values", "--json").stdout);
  expect(values.length).toBeGreaterThan(20);
  expect(values.find(({ name }: { name: string }) => name === stream)).toMatchObject({ width: 16, bytes: null });
  const none = saeOnnx("inspect", at("lm.onnx"), "--width", "17");
  expect([none.status, none.stdout.split("\n")[0]]).toEqual([0, "no such value"]);
});

test.each<[string, string[], RegExp]>([
  ["of arrays", [at("x.npy"), "--values"], /x\.npy: --values, --grep, --width and --encoder are for \.onnx files$/],
  ["of nothing", [at("lm.onnx"), "--grep", ""], /--grep: no text; give a part of a name$/],
  [
    "of an encoder that is none",
    [at("lm.onnx"), "--encoder", at("lm.onnx")],
    /lm\.onnx: is not one of sae-onnx's models/,
  ],
])("a list %s: one line, exit code 1", (_, args, message) => {
  const { status, stdout, stderr } = saeOnnx("inspect", ...args);
  expect(stderr.trimEnd()).toMatch(message);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect([status, stdout]).toEqual([1, ""]);
});
