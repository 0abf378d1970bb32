import { expect, test } from "vitest";
import { parseLatents } from "../../src/report/latents.ts";
import { ConfigError } from "../../src/util/errors.ts";

const good = { frequency: [0.5, 0], mean_activation: [2, 0], max_activation: [4, 0] };

test("what train wrote comes back", () => {
  expect(parseLatents(JSON.stringify(good), "a.latents.json", 2)).toEqual(good);
});

test.each([
  ["no JSON", "{", /^a\.latents\.json: not valid JSON/],
  ["no object", "[]", /^a\.latents\.json: the file: .*; delete it, or train again$/],
  ["a missing list", { ...good, frequency: undefined }, /^a\.latents\.json: frequency: /],
  ["text in a list", { ...good, max_activation: [1, "x"] }, /^a\.latents\.json: max_activation\.1: /],
  ["a share above one", { ...good, frequency: [1.5, 0] }, /^a\.latents\.json: frequency\.0: /],
  ["a negative magnitude", { ...good, mean_activation: [-1, 0] }, /^a\.latents\.json: mean_activation\.0: /],
  [
    "another SAE's",
    { ...good, mean_activation: [1, 2, 3] },
    /^a\.latents\.json: mean_activation has 3 entries, the SAE of that name 2 latents; delete it, or train again$/,
  ],
])("%s is refused", (_, content, message) => {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  expect(() => parseLatents(text, "a.latents.json", 2)).toThrow(ConfigError);
  expect(() => parseLatents(text, "a.latents.json", 2)).toThrow(message);
});
