import { expect, test } from "vitest";
import { latentsByWords } from "../../src/evaluate/search.ts";

const labels = [
  { text: "Dogs bark." },
  { text: "A hotdog, please" },
  { tokens: ["The", " dog", " sle", "eps"] },
  { text: "Grüße vom Mond" },
  null,
  { note: "dog" },
];
const strongest = [
  [0, 1, 4].map((index) => ({ index, value: 1 })),
  [
    { index: 2, value: -3 },
    { index: 3, value: 1 },
  ],
  [1, 5].map((index) => ({ index, value: 2 })),
  [],
];

test.each([
  [
    "dog",
    [
      [1, 0.75],
      [0, 1 / 3],
    ],
  ],
  ["DOG sleeps", [[1, 0.75]]],
  ["grüße", [[1, 0.25]]],
  [
    "hotdog",
    [
      [2, 0.5],
      [0, 1 / 3],
    ],
  ],
  ["cat", []],
  [" ., ", []],
] as const)("%s: latents by the share of their activation in rows with it", (words, expected) => {
  const found = latentsByWords(strongest, labels, words);
  expect(found.map(({ latent, share }) => [latent, share])).toEqual(expected);
});
