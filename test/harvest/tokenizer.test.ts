import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openTokenizer } from "../../src/harvest/text/tokenizer.node.ts";

/** Made by Hugging Face's own tokenizers: tokenizers_witness.py. */
const cases = JSON.parse(readFileSync("test/fixtures/tokenizers.json", "utf8")) as Record<
  string,
  { tokenizer: object; texts: { text: string; ids: number[]; offsets: [number, number][] }[] }
>;
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));

function saved(name: string, content: string): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, content);
  return path;
}

describe.each(Object.entries(cases))("%s", (name, { tokenizer, texts }) => {
  test.each(texts)("$text", async ({ text, ids, offsets }) => {
    const own = await openTokenizer(saved(name, JSON.stringify(tokenizer)));
    const tokens = own.encode(text, "here");
    expect(Array.from(tokens.ids)).toEqual(ids);
    const pairs = ids.map((_, i) => [tokens.offsets[2 * i], tokens.offsets[2 * i + 1]]);
    expect(pairs).toEqual(offsets);
  });
});

test("special tokens are named, and left out where none are wanted", async () => {
  const own = await openTokenizer(saved("words", JSON.stringify(cases.WordPiece!.tokenizer)));
  const tokens = own.encode("the fox", "here");
  expect(Array.from(tokens.special)).toEqual([1, ...Array(tokens.ids.length - 2).fill(0), 1]);
  expect([tokens.ids.at(0)!, tokens.ids.at(-1)!].map(own.show)).toEqual(["[CLS]", "[SEP]"]);
  expect(own.encode("the fox", "here", { plain: true }).ids).toEqual(tokens.ids.slice(1, -1));
});

test.each([["half a letter", "a \ud83c b", /^here: has half a letter in it/]])(
  "%s is refused",
  async (_, text, message) => {
    const own = await openTokenizer(saved("words", JSON.stringify(cases.WordPiece!.tokenizer)));
    expect(() => own.encode(text, "here")).toThrow(message);
  },
);

test.each([
  ["no JSON", "{", /is no JSON object/],
  ["no tokenizer", "{}", /not a tokenizer that can be used/],
  ["a pointer", "version https://git-lfs.github.com/spec/v1\n", /Git LFS pointer/],
])("a file that is %s is refused", async (name, content, message) => {
  await expect(openTokenizer(saved(name, content))).rejects.toThrow(message);
});
