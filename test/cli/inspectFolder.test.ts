import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { matrix } from "../data/helpers.ts";
import { saeOnnx, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

describe("inspect of a folder", () => {
  beforeAll(() => {
    mkdirSync(at("set"));
    mkdirSync(at("none"));
    for (const shard of [0, 1, 10])
      writeFileSync(at(`set/${shard}.safetensors`), writeSafetensors({ activations: matrix([3, 4], [shard, 0]) }, {}));
    writeFileSync(at("none/notes.txt"), "nothing");
  });

  test("lists its files in their order, and what the rows of all shards are like", () => {
    const { stdout, stderr, status } = saeOnnx("inspect", at("set"));
    expect(status, stderr).toBe(0);
    const names = [...stdout.matchAll(/^## (.*)$/gm)].map(([, name]) => name);
    expect(names).toEqual(["0.safetensors", "1.safetensors", "10.safetensors"]);
    expect(stdout).toContain("activations: F32 [2, 2]");
    expect(stdout).toContain("activations: F32 [2, 2]\n# all 3 files together\n# rows: 6");
    expect(stdout).toMatch(/# rows: 6, norms: median 5, .* largest 10 \(row 5\)/);
    const json = JSON.parse(saeOnnx("inspect", at("set"), "--json").stdout);
    expect(Object.keys(json.files)).toEqual(names);
    expect(json.rows).toBeDefined();
  });

  test("of models it shows inputs and outputs", () => {
    const { stdout, status, stderr } = saeOnnx("inspect", "graphs");
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/## .*\.onnx\n\d+ nodes; in .*: float32 \[.*; out /);
  });

  test.each([
    [["."], /no file in it ends in \.onnx, .*; name .*set\n$/],
    [["none"], /none: no file in it ends in \.onnx, /],
    [["set", "--grep", "x"], /set: is a folder; --grep is for one \.onnx file/],
  ])("%o is refused in one line", ([name, ...flags], message) => {
    const { stderr, status } = saeOnnx("inspect", at(name!), ...flags);
    expect(status).toBe(1);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(message);
  });
});
