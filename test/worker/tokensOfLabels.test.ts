import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { TokensOfLabels, tokenizerOf } from "../../src/worker/tokensOfLabels.ts";

const { WordPiece } = JSON.parse(readFileSync("test/fixtures/tokenizers.json", "utf8"));
const tokenizer = tokenizerOf({ name: "t", bytes: new TextEncoder().encode(JSON.stringify(WordPiece.tokenizer)) });
const { ids } = tokenizer.encode("the dog", "here");
const label = { text: "the dog", position: 1, token_id: ids[1]! };

test("a label of a single row gets the tokens of its text", () => {
  const { tokens } = new TokensOfLabels(tokenizer).with(label) as { tokens?: string[] };
  expect(tokens).toHaveLength(ids.length);
  expect(tokens![1]).toBe(tokenizer.show(ids[1]!));
});

test("of another tokenizer it stays as it is", () => {
  const other = { ...label, token_id: ids[1]! + 1 };
  const tokens = new TokensOfLabels(tokenizer);
  expect(tokens.with(other)).toBe(other);
  expect(tokens.fits([label])).toBe(true);
  expect(tokens.fits([label, other])).toBe(false);
  expect(tokens.fits([{ text: "no position" }])).toBe(false);
});

test("token ids are written out", () => {
  expect(new TokensOfLabels(tokenizer).vocabulary([label])[ids[1]!]).toBe(tokenizer.show(ids[1]!));
});

test("a file that is no JSON is said", () => {
  expect(() => tokenizerOf({ name: "t.json", bytes: new TextEncoder().encode("{") })).toThrow("t.json: is not JSON");
});
