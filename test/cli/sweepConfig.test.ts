import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSweepConfig } from "../../src/cli/sweepConfig.ts";
import { refusal } from "../data/helpers.ts";
import { temporaryFolder } from "./run.ts";

const example = "such as { architecture: topk, k: 5 }";
test.each([
  ["", "must be keys with values, such as data: acts.safetensors, got nothing; docs/sweep.md shows one"],
  ["- data: a", "must be keys with values, such as data: acts.safetensors, got a list"],
  ["data: a\narchitectures: topk", `architectures[0]: must be keys with values, ${example}, got a text`],
  ["data: a\narchitectures:", `architectures[0]: must be keys with values, ${example}, got nothing`],
  ["data: a\noptions: 3\narchitectures: { k: 3 }", "options: must be keys with values, such as { latent_dim: 512 }"],
  ["data: a\nsplit: most\narchitectures: { k: 3 }", "split: must be a number, got a text"],
  ["data: a\ntrain_rows: 1.5\narchitectures: { k: 3 }", "train-rows: must be a whole number, got a number"],
  ["data: [a, 3]\narchitectures: { k: 3 }", "data: must be a text or a list of texts"],
  [
    "data: a\narchitectures: { k: { a: 3 } }",
    "architectures[0].k: must be a word, a number, true or false, or a list of these",
  ],
  ["architectures: { k: 3 }", "data: is missing; add it"],
])("%j: what is wrong there, in words", async (text, message) => {
  const path = join(temporaryFolder(), "sweep.yaml");
  writeFileSync(path, text);
  expect(await refusal(() => readSweepConfig(path))).toContain(`sweep.yaml: ${message}`);
});
