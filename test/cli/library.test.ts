/** @file What the library's functions give of files equals what the verbs write, to the byte. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { effect, features, harvest, probe } from "../../src/node.ts";
import { fixture, sae } from "../effect/helpers.ts";
import { saeOnnx, snapshot, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
const model = join(fixture, "model.onnx");
const text = join(fixture, "texts.jsonl");

/** What a verb prints as JSON. */
function printed(...args: string[]) {
  const { status, stdout, stderr } = saeOnnx(...args, "--json", "--quiet");
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

test("harvest", async () => {
  const flags = ["--positions", "1..", "--dtype", "float16", "--shard-rows", "20", "--threads", "1"];
  const said = printed("harvest", "--model", model, "--at", "blocks.1", "--text", text, "--out", at("verb"), ...flags);
  const run = { model, at: "blocks.1", text, out: at("library"), positions: "1..", dtype: "float16" } as const;
  const { rows, shards, texts } = await harvest({ ...run, shardRows: 20, threads: 1 });
  expect({ rows, shards, texts }).toEqual({ rows: said.rows, shards: said.shards, texts: said.texts });
  expect(shards).toBeGreaterThan(1);
  expect(snapshot(at("library"))).toEqual(snapshot(at("verb")));
  expect((await harvest({ ...run, shardRows: 20, threads: 1 })).run.modelSeconds).toBe(0);
  await expect(harvest({ ...run, out: at("not"), minTokens: 0 })).rejects.toThrow(
    "--min-tokens must be an integer of at least 1, got 0",
  );
  await expect(harvest({ ...run, out: at("not"), at: "blocks.9" })).rejects.toThrow("blocks.9");
  expect(readdirSync(folder)).not.toContain("not");
});

test("features", async () => {
  for (const name of ["both-signs.onnx", "rows.npy", "rows.labels.jsonl"])
    copyFileSync(join("test/fixtures/features", name), at(name));
  const files = { model: at("both-signs.onnx"), data: at("rows.npy") };
  const said = printed("features", files.model, "--data", files.data, "--top", "5", "--out", at("features"));
  expect(await features({ ...files, out: at("features-library"), top: 5 })).toEqual(said);
  // The page holds its script as it was compiled: here from the sources, there from dist.
  const { "index.html": _, ...written } = snapshot(at("features"));
  expect(Object.keys(written)).toEqual(expect.arrayContaining(["features.json", "latents.jsonl"]));
  expect(snapshot(at("features-library"))).toMatchObject(written);
  await expect(features({ ...files, out: at("not"), where: "nothing=1" })).rejects.toThrow("nothing");
});

test("probe", async () => {
  const data = at("acts.npy");
  copyFileSync("test/fixtures/features/rows.npy", data);
  writeFileSync(
    at("acts.labels.jsonl"),
    Array.from({ length: 384 }, (_, row) => `${JSON.stringify({ odd: row % 2 })}\n`).join(""),
  );
  const flags = ["--label", "odd", "--folds", "3", "--threads", "1", "--out", at("probe.json")];
  const said = printed("probe", "--data", data, ...flags);
  const found = await probe({ data, label: "odd", folds: "3", threads: 1, out: at("probe-library.json") });
  expect(JSON.parse(JSON.stringify(found))).toEqual(said);
  expect(readFileSync(at("probe-library.json"), "utf8")).toBe(readFileSync(at("probe.json"), "utf8"));
});

test("effect", async () => {
  const flags = ["--ablate", "3", "--controls", "2", "--threads", "1", "--out", at("effect.json")];
  const said = printed("effect", sae, "--model", model, "--text", text, ...flags);
  const out = at("effect-library.json");
  const found = await effect({ sae, model, text, ablate: "3", controls: 2, threads: 1, out });
  expect(JSON.parse(JSON.stringify(found))).toEqual(said);
  expect(readFileSync(out, "utf8")).toBe(readFileSync(at("effect.json"), "utf8"));
  await expect(effect({ sae, model, text, controls: -1 })).rejects.toThrow("--controls must be an integer");
});
