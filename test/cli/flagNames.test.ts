import { expect, test } from "vitest";
import { inFlags } from "../../src/cli/flagNames.ts";
import { listsOf } from "../../src/cli/trainFlags.ts";

const flags = ["latent-dim", "k", "aux-k", "target-l0", "dead-steps", "step", "split", "mean-active", "max-row-norm"];

test.each([
  ["auxK must be an integer from 0 to latentDim = 8", "--aux-k must be an integer from 0 to --latent-dim = 8"],
  ["k must be at most latentDim = 8", "--k must be at most --latent-dim = 8"],
  ["topk: k must be at least 1, and k is 0", "topk: --k must be at least 1, and k is 0"],
  [
    "a: a latent is dead after deadSteps = 9; leave auxK out",
    "a: a latent is dead after --dead-steps = 9; leave --aux-k out",
  ],
  ["step live needs the same k at every step", "--step live needs the same k at every step"],
  ["synthesize: meanActive must be a number", "--mean-active must be a number"],
  ["synthesize: 9 rows do not fill 3 shards", "9 rows do not fill 3 shards"],
  ["maxRowNorm 1e-9 leaves out all rows", "--max-row-norm 1e-9 leaves out all rows"],
  ["targetL0: give it", "--target-l0: give it"],
])("%s", (said, shown) => {
  expect(inFlags(said, flags)).toBe(shown);
});

test.each([
  "a/latentDim/b.npy: cannot read; auxKey is none",
  "latentDim.npy: activations need [rows, latentDim]",
  'sae.json: "auxK" is 3, there is no key auxK.a',
  "a.npy: split must be 0 or 1",
  "learningRate must be above 0",
])("stays as it is: %s", (said) => {
  expect(inFlags(said, flags)).toBe(said);
});

test.each([
  [{ "learning-rate": "1e-3,0.001" }, '--learning-rate: 1e-3 and 0.001 are the same number in "1e-3,0.001"'],
  [{ seeds: "0,1,00" }, '--seeds: 0 and 00 are the same number in "0,1,00"'],
  [{ "max-row-norm": "10x,10.0x" }, "--max-row-norm: 10x and 10.0x are the same number"],
])("two ways to write one number, %j, are refused", (given, message) => {
  const all = { architecture: "topk", "latent-dim": "8", k: "2", ...given };
  expect(() => listsOf("train", all)).toThrow(message);
});
