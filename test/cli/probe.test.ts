import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import type { ProbeFile } from "../../src/probe/file.ts";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";
import { saeOnnx, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const rows = sparseRows(240, 16);
const out = at("probe.json");
const rng = random(1, "probe test");
/** Whether the first entry is large, with some noise. */
const tense = Float64Array.from({ length: 240 }, (_, row) => Number(rows.data[row * 16]! + 0.5 * rng.normal() > 0.3));
const column = (value: (row: number) => number) =>
  tensor(
    "float64",
    [240],
    Float64Array.from({ length: 240 }, (_, row) => value(row)),
  );
const words = (row: number) => ({
  text: tense[row] ? "He WAS there" : "it wasn’t",
  kind: ["noun", "verb", "other"][row % 3],
  ...(row === 17 ? {} : { half: "x" }),
  id: row,
});

const model = at("models/sae_d24_k2.autoencoder.onnx");

beforeAll(() => {
  writeFileSync(
    at("acts.safetensors"),
    writeSafetensors({
      activations: rows,
      tense: tensor("float64", [240], tense),
      same: column(() => 3),
      rare: column((row) => Number(row === 5)),
      holes: column((row) => (row % 100 === 7 ? Number.NaN : row % 2)),
      size: column((row) => rows.data[row * 16 + 1]! * 2.5),
      text_id: column((row) => Math.floor(row / 4)),
      leaky: column((row) => row % 3),
      tight: column((row) => Math.floor(row / 4) % 3),
    }),
  );
  writeFileSync(
    at("acts.labels.jsonl"),
    Array.from({ length: 240 }, (_, row) => JSON.stringify(words(row))).join("\n"),
  );
  const args = ["--latent-dim=24", "--k=2", "--epochs=1", "--batch-size=32", "--quiet"];
  expect(saeOnnx("train", "--data", at("acts.safetensors"), "--out", at("models"), ...args).status).toBe(0);
});

const probe = (...args: string[]) => saeOnnx("probe", "--data", at("acts.safetensors"), "--threads", "1", ...args);
const probed = (...args: string[]): ProbeFile => {
  const { status, stdout, stderr } = probe("--json", "--quiet", ...args);
  expect(status, stderr).toBe(0);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
};

describe("probe", () => {
  test("compares activations with latents, the best of them, and reconstructions; the same numbers twice", {
    timeout: 180_000,
  }, () => {
    const file = probed(model, "--label", "tense", "--out", out);
    expect(file.rows.map(({ features, dims }) => [features, dims])).toEqual([
      ["activations", 16],
      ["latents", 24],
      ["latents, best 1", 1],
      ["latents, best 5", 5],
      ["latents, best 20", 20],
      ["reconstruction", 16],
    ]);
    expect(file.data).toMatchObject({ rows: 240, groups_by: "text_id", groups: 60 });
    expect(file.data.folds.reduce((sum, one) => sum + one)).toBe(240);
    const [raw, latents] = file.rows;
    expect(raw!.measures.auc!.value).toBeGreaterThan(0.8);
    expect(raw!.measures.auc!.low).toBeLessThan(raw!.measures.auc!.value);
    expect(latents!.kept!.value).toBeCloseTo(
      (latents!.measures.auc!.value - 0.5) / (raw!.measures.auc!.value - 0.5),
      12,
    );
    for (const { control, unfinished } of file.rows) {
      expect(Math.abs(control - 0.5)).toBeLessThan(0.1);
      expect(unfinished).toBe(0);
    }
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(file);
    expect(probed(model, "--label", "tense")).toEqual(file);
  });

  test("prints a table, of several classes and of a number too", () => {
    const { stdout, stderr } = probe("--label", "kind");
    expect(stdout).toMatch(/activations .* 16 .*AUC|AUC/);
    expect(stdout).toContain("noun 80, other 80, verb 80 rows (logistic, one for each against the rest");
    expect(stdout).toContain("240 rows, 5 folds, 60 groups by text_id");
    expect(stderr).toBe("probing activations\n");
    expect(probe("--label", "size").stdout).toMatch(/R2.*a number \(ridge\)/s);
  });

  test("asks whether a word is in a text, or a column has a value; takes the folds of a column", () => {
    const was = probed("--label", "text~was", "--folds", "tight");
    expect(was.label).toEqual({
      ...{ name: "text~was", kind: "binary" },
      classes: { 0: 240 - tense.reduce((a, b) => a + b), 1: tense.reduce((a, b) => a + b) },
    });
    expect(was.data.folds).toEqual([80, 80, 80]);
    expect(probed("--label", "kind=noun,verb").label.classes).toEqual({ 0: 80, 1: 160 });
    expect(probed("--label", "tense", "--where", "kind=noun").data.rows).toBe(80);
    expect(probed("--label", "size").rows[0]!.measures.r2!.value).toBeGreaterThan(0.99);
  });
});

describe("one line says what is wrong, and nothing is written", () => {
  test.each<[string, string[], RegExp]>([
    ["no such label", ["--label", "tens"], /--label: acts\.safetensors has no column "tens"; nearest: tense, /],
    ["no such text", ["--label", "txt~was"], /has no column "txt"; nearest: /],
    [
      "no such groups",
      ["--label", "tense", "--groups", "textid"],
      /--groups: .*no column "textid"; nearest: text_id, /,
    ],
    ["one value", ["--label", "same"], /all 240 rows have 3; a probe needs at least two values/],
    ["one answer", ["--label", "text~zebra"], /all 240 rows have 0; a probe needs at least two values/],
    ["a rare class", ["--label", "rare"], /fold \d has 0 of 48 rows with "1" \(1 in all\).*--folds/],
    ["missing numbers", ["--label", "holes"], /3 of 240 rows have no value, the first is row 7; fill them in/],
    ["missing labels", ["--label", "half"], /1 of 240 rows have no value, the first is row 17; fill them in/],
    ["many texts", ["--label", "text_id=x"], /column "text_id" holds numbers/],
    [
      "groups that leak",
      ["--label", "tense", "--folds", "leaky"],
      /--folds leaky: 60 groups of text_id leak: rows 0 and 1 are of one group and in two folds; give each group one fold/,
    ],
    ["too few folds", ["--label", "tense", "--folds", "2"], /--folds must be an integer of at least 3 .* got 2/],
    ["half a fold", ["--label", "tense", "--folds", "3.5"], /--folds must be an integer of at least 3 .* got 3\.5/],
    ["too many folds", ["--label", "tense", "--folds", "90"], /there are 60 groups of rows, each fold needs one/],
    ["no such model", [at("none.onnx"), "--label", "tense"], /none\.onnx: cannot read/],
    ["a seed that is none", ["--label", "tense", "--seed", "x"], /--seed must be/],
  ])("%s", (_, args, message) => {
    const file = join(temporaryFolder(), "out.json");
    const { status, stdout, stderr } = probe(...args, "--out", file, "--quiet");
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/^error: /);
    expect([status, stdout]).toEqual([1, ""]);
    expect(existsSync(file)).toBe(false);
  });
});

test("a folder whose harvest was stopped is named as such", () => {
  const part = at("part");
  mkdirSync(part);
  copyFileSync(at("acts.safetensors"), join(part, "shard-000000.safetensors"));
  writeFileSync(join(part, "harvest.json"), '{"version":1,"harvest":{}}');
  const { stderr } = saeOnnx("probe", "--data", part, "--label", "tens", "--quiet");
  expect(stderr.split("\n")[0]).toBe(
    `${part}: its harvest was stopped after 1 shard; the same harvest command goes on`,
  );
});
