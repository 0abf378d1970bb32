import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeModel } from "../../src/onnx/model.ts";
import type { Model, Node } from "../../src/onnx/proto.ts";
import { attachFiles } from "../../src/pipeline/attachModel.node.ts";
import { refusal } from "../data/helpers.ts";
import { encoder } from "../export/attach/running.ts";
import { stream, transformer } from "../export/attach/transformer.ts";

const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));
const at = (...names: string[]) => join(folder, ...names);
writeFileSync(at("sae.onnx"), encodeModel(encoder));

/** Attaches to the transformer with one more node, whose output nobody reads. */
function attachTo(name: string, node?: Node, options: { readonly load?: boolean } = {}) {
  const model: Model = transformer();
  const nodes = [...model.graph!.node!, ...(node ? [node] : [])];
  mkdirSync(at(name), { recursive: true });
  writeFileSync(at(name, "m.onnx"), encodeModel({ ...model, graph: { ...model.graph, node: nodes } }));
  const paths = { model: at(name, "m.onnx"), encoder: at("sae.onnx"), out: at(name, "out.onnx") };
  return attachFiles(paths, { tensor: stream }, options);
}

test("what ONNX Runtime loads is written", async () => {
  expect((await attachTo("plain")).notLoaded).toBeUndefined();
  expect(existsSync(at("plain", "out.onnx"))).toBe(true);
});

test("a model that is broken before anything is attached is refused, and nothing is written", async () => {
  const broken: Node = { opType: "Add", name: "broken", input: [stream, "nowhere"], output: ["sum"] };
  expect(await refusal(() => attachTo("broken", broken))).toMatch(
    /broken\/m\.onnx: ONNX Runtime does not load it as it is \(.*nowhere.*\); get or save it again$/,
  );
  expect(readdirSync(at("broken"))).toEqual(["m.onnx"]);
  await attachTo("broken", broken, { load: false });
  expect(existsSync(at("broken", "out.onnx"))).toBe(true);
});

test("a model with ops of another runtime is written, and it is said that it was not tried", async () => {
  const { notLoaded } = await attachTo("foreign", {
    ...{ opType: "Own", domain: "elsewhere", name: "own", input: [stream], output: ["own"] },
  });
  expect(notLoaded).toMatch(/elsewhere|Own/);
  expect(existsSync(at("foreign", "out.onnx"))).toBe(true);
});
