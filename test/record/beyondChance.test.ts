import { expect, test } from "vitest";
import { chanceSentence } from "../../src/record/beyondChance.ts";

const record = (own: number, frozen: number, random: number) => ({
  metrics: {
    explained_variance_centered: own,
    frozen_encoder_explained_variance_centered: frozen,
    random_decoder_explained_variance_centered: random,
  },
});
const sentence = (...all: ReturnType<typeof record>[]) => chanceSentence(all, (i) => `sae${i}`);

test.each([
  [
    "above both",
    [record(0.5, 0.4, 0.25), record(0.6, 0.4, 0.25)],
    "Beyond chance, in centred EV at the same size and L0: 0.100 to 0.200 above a random encoder with the best decoder (0.400), 0.250 to 0.350 above a random dictionary read by matching pursuit (0.250).",
  ],
  [
    "below one, above the other",
    [record(0.3, 0.4, 0.25)],
    "Beyond chance, in centred EV at the same size and L0: 0.100 below a random encoder with the best decoder (0.400), 0.050 above a random dictionary read by matching pursuit (0.250). Not above both: sae0.",
  ],
  [
    "some above, some below",
    [record(0.3, 0.4, 0.25), record(0.5, 0.4, 0.25)],
    "Beyond chance, in centred EV at the same size and L0: -0.100 to 0.100 above a random encoder with the best decoder (0.400), 0.050 to 0.250 above a random dictionary read by matching pursuit (0.250). Not above both: sae0.",
  ],
])("%s", (_, all, expected) => {
  expect(sentence(...all)).toBe(expected);
});

test("nothing where it was not measured", () => {
  expect(chanceSentence([{ metrics: { explained_variance_centered: 0.5 } }], String)).toBe("");
});
