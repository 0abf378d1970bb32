import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, sae } from "../effect/helpers.ts";
import { saeOnnx, temporaryFolder } from "./run.ts";

const out = join(temporaryFolder(), "effect.json");
const given = [sae, "--model", join(fixture, "model.onnx"), "--text", join(fixture, "texts.jsonl"), "--out", out];

test("effect prints tables, and writes the numbers whole or not at all", () => {
  const { status, stdout, stderr } = saeOnnx("effect", ...given, "--steer", "3:5", "--controls", "2");
  expect(status, stderr).toBe(0);
  for (const line of [
    /unchanged +│ +\d\.\d{3} +│ +│ +0\.000 +│ +1\.000/,
    /steer 3:5: random 2/,
    /2 to 3 +│/,
    /blocks\.1, changed at positions 1\.\.: \d+ of \d+ tokens of 13 texts, 1 texts of one token left out\./,
  ])
    expect(stdout).toMatch(line);
  const { losses, sae: name } = JSON.parse(readFileSync(out, "utf8"));
  expect(name).toBe("sae.safetensors");
  expect(Object.keys(losses.changes)).toContain("steer 3:5: random 2");
});

test("a flag that is wrong is one line, and nothing is written", () => {
  const { status, stderr } = saeOnnx("effect", ...given.slice(0, -1), `${out}.not`, "--ablate", "99");
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: ablate 99: .*sae.safetensors has latents 0 to 31, so there is no latent 99\n$/);
  expect(existsSync(`${out}.not`)).toBe(false);
});

test("harvest says no share of time of a model that ran for less than a second", () => {
  const [model, text] = ["model.onnx", "texts.jsonl"].map((name) => join(fixture, name)) as [string, string];
  const acts = join(temporaryFolder(), "acts");
  const { status, stderr } = saeOnnx("harvest", "--model", model, "--text", text, "--at", "blocks.1", "--out", acts);
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(/^\d+ tokens a second$/m);
});
