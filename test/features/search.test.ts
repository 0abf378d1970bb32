import { expect, test } from "vitest";
import type { Label } from "../../src/data/labels.ts";
import { leastShare, TextIndex } from "../../src/features/search.ts";
import { factsOf, tokenRows } from "../../src/features/tokenRows.ts";

const labels: readonly Label[] = [
  { text: "Dogs bark." },
  { text: "A hotdog, please" },
  { tokens: ["The", " dog", " sle", "eps"] },
  { text: "Grüße vom Mond" },
  { text: "1850 steps" },
  { note: "dog" },
];
const rows = [[0, 1, 4], [2, 3], [1, 5], [], [0, 2]];
const facts = (some: readonly Label[] | undefined, count = 6) => factsOf(some, new Uint8Array(count), {});
const search = async (words: string) =>
  (await TextIndex.open(facts(labels))).search(words, rows.length, (latent) => rows[latent]!);

test.each([
  [
    "dog",
    [
      [4, 2, 2],
      [1, 1, 2],
      [0, 1, 3],
    ],
  ],
  [
    "DOG sleeps",
    [
      [1, 1, 2],
      [4, 1, 2],
    ],
  ],
  ["grüße", [[1, 1, 2]]],
  [
    "hotdog",
    [
      [2, 1, 2],
      [0, 1, 3],
    ],
  ],
  ["185", [[0, 1, 3]]],
  ["cat", []],
  [" ., ", []],
] as const)("%s: latents by how surely they fire in texts with it", async (words, expected) => {
  const found = await search(words);
  expect(found.map(({ latent, hits, fires }) => [latent, hits, fires])).toEqual(expected);
});

test("9 of 9 come before 1 of 1, and that before 60 of 1,000", async () => {
  const nine = Array.from({ length: 9 }, (_, row) => row);
  const many = Array.from({ length: 1000 }, (_, row) => row + 20);
  const own = Array.from({ length: 1100 }, (_, row): Label => ({ text: row < 80 ? "in a manner" : "else" }));
  const index = await TextIndex.open(facts(own, 1100));
  const found = index.search("manner", 3, (latent) => [[10], nine, many][latent]!);
  expect(found).toEqual([
    { latent: 1, hits: 9, fires: 9, of: "texts" },
    { latent: 0, hits: 1, fires: 1, of: "texts" },
    { latent: 2, hits: 60, fires: 1000, of: "texts" },
  ]);
});

test("a text of several rows counts once", async () => {
  const own = Array.from(
    { length: 6 },
    (_, row): Label => ({ text_id: row < 4 ? 0 : 1, position: row % 4, text: row < 4 ? "a dog" : "a cat" }),
  );
  const index = await TextIndex.open(facts(own));
  expect(index.search("dog", 1, () => [0, 1, 2, 4, 5])).toEqual([{ latent: 0, hits: 1, fires: 2, of: "texts" }]);
});

test("latents at the words come before those that fire beside them", async () => {
  const texts = [
    ["cold", " wa", "ters", " flow"],
    ["the", " water", "."],
    ["a", " cat"],
  ];
  const { facts } = tokenRows(texts);
  const index = await TextIndex.open(facts);
  // Rows: cold 0, wa 1, ters 2, flow 3, the 4, water 5, "." 6, a 7, cat 8.
  const found = index.search("water", 5, (latent) => [[0, 4], [1, 2, 5], [1, 8], [0, 7], [7]][latent]!);
  expect(found).toEqual([
    { latent: 1, hits: 3, fires: 3, of: "tokens" },
    { latent: 2, hits: 1, fires: 2, of: "tokens" },
    { latent: 0, hits: 2, fires: 2, of: "texts" },
    { latent: 3, hits: 1, fires: 2, of: "texts" },
  ]);
  // Both words are wanted, and either is a place.
  expect(index.search("water cold", 1, () => [0, 5])).toEqual([{ latent: 0, hits: 1, fires: 2, of: "tokens" }]);
});

test("tokens that are no rows are passed over", async () => {
  const tokens = ["<s>", " sea", " water"];
  const own: Label[] = [1, 2].map((position) => ({ text_id: 0, position, tokens }));
  const index = await TextIndex.open(factsOf(own, new Uint8Array(2), {}));
  const found = (rows: number[]) => index.search("water", 1, () => rows);
  expect([found([0]), found([1])]).toEqual([
    [{ latent: 0, hits: 1, fires: 1, of: "texts" }],
    [{ latent: 0, hits: 1, fires: 1, of: "tokens" }],
  ]);
});

test("the least share is Wilson's", () => {
  // scipy.stats.binomtest(9, 9).proportion_ci(method="wilson").low, and of 6 of 13.
  expect(leastShare({ hits: 9, fires: 9 })).toBeCloseTo(0.70085, 4);
  expect(leastShare({ hits: 6, fires: 13 })).toBeCloseTo(0.23206, 4);
});

test("without labels there is nothing to search", async () => {
  await expect(TextIndex.open(facts(undefined))).rejects.toThrow("these activations have no texts to search");
});
