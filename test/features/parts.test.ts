import { describe, expect, test } from "vitest";
import type { LatentRows } from "../../src/features/byLatent.ts";
import { ExampleMaker, rowsToRead } from "../../src/features/examples.ts";
import { latentScript, mostBytes } from "../../src/features/explorer/data.ts";
import { FactsBuilder, mostValues } from "../../src/features/facts.ts";
import { FalseDiscovery } from "../../src/features/falseDiscovery.ts";
import type { Feature } from "../../src/features/features.ts";
import { chanceOfMore, logFactorials } from "../../src/features/hypergeometric.ts";
import { largest } from "../../src/features/largest.ts";
import { neuronpediaBatch } from "../../src/features/neuronpedia.ts";
import { bySize, shownRows } from "../../src/features/statistics.ts";
import { parseVocabulary } from "../../src/features/vocabulary.ts";
import { random } from "../../src/util/random.ts";
import { complaint } from "../data/helpers.ts";

const latentRows = (rows: readonly number[], values: readonly number[]): LatentRows => ({
  latent: 0,
  rows: Uint32Array.from(rows),
  values: Float32Array.from(values),
});

describe("rows to show", () => {
  test("sorted by magnitude, of equal ones the earlier row counts as stronger", () => {
    expect([...bySize(Float32Array.of(1, -3, 2, 3, -1))]).toEqual([4, 0, 2, 3, 1]);
  });

  test("of a text the strongest row alone; bands hold every row once, whatever their number", () => {
    const of = latentRows([0, 1, 2, 3, 4, 5, 6], [1, 7, 6, 5, 4, 3, 2]);
    const texts = Int32Array.of(0, 0, 0, 1, 1, -1, -1);
    const { top, bands } = shownRows(of, texts, { top: 3, bands: 3, perBand: 9 }, random(0, "x"));
    expect(top).toEqual([1, 3, 5]);
    expect(bands.map(({ from, to }) => [from, to])).toEqual([
      [5, 7],
      [3, 4],
      [1, 2],
    ]);
    expect(bands.flatMap(({ shown }) => shown).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(shownRows(latentRows([], []), texts, { top: 3, bands: 5, perBand: 4 }, random(0, "x"))).toEqual({
      top: [],
      bands: [],
    });
  });

  test("the largest of many, ties by number, nothing at 0", () => {
    const values = [3, 0, 5, 3, 1, 5, Number.NaN];
    expect(largest(values.keys(), 3, (i) => values[i]!)).toEqual([2, 5, 0]);
    expect(largest(values.keys(), 9, (i) => values[i]!)).toEqual([2, 5, 0, 3, 4]);
  });
});

describe("chances", () => {
  test("are those of dealing out every way there is", () => {
    // 9 rows, 4 with one trait: all 126 ways to choose the 4 rows with the other.
    const logs = logFactorials(9);
    const ways = Array.from({ length: 512 }, (_, bits) => Array.from({ length: 9 }, (_, i) => (bits >> i) & 1)).filter(
      (way) => way.reduce((sum, one) => sum + one, 0) === 4,
    );
    const overlaps = ways.map((way) => way.slice(0, 4).reduce((sum, one) => sum + one, 0));
    for (let both = 0; both <= 4; both++) {
      const expected = overlaps.filter((one) => one >= both).length / ways.length;
      expect(chanceOfMore({ rows: 9, one: 4, other: 4, both }, logs)).toBeCloseTo(expected, 12);
    }
  });

  test("are corrected as Benjamini and Hochberg do, with tests that nobody kept", () => {
    const chances = [0.0001, 0.004, 0.0045, 0.03, 0.2];
    const rates = new FalseDiscovery();
    for (const chance of chances) rates.add(chance);
    rates.finish(50);
    const expected = [0.005, 0.075, 0.075, 0.375, 1];
    for (const [i, chance] of chances.entries()) {
      const ratio = rates.rateOf(chance) / expected[i]!;
      expect(ratio).toBeGreaterThanOrEqual(1 - 1e-12);
      expect(ratio).toBeLessThan(1.0003);
    }
  });
});

describe("what is known of rows", () => {
  test("labels with the tokens of their text, the array on the first row alone; a token without a row is unshaded", () => {
    const builder = new FactsBuilder({ validation: Uint8Array.of(0, 0, 1), columns: {}, labels: () => [] });
    const labels = [
      { text_id: "a", position: 1, tokens: ["The", " pen", "insula", "."] },
      { text_id: "a", position: 2 },
      { text_id: "b", position: 0, tokens: ["Sea"] },
    ];
    for (const [row, label] of labels.entries()) builder.addLabel(row, label);
    const facts = builder.finish();
    const of = latentRows([1, 2], [2, -1]);
    expect([...rowsToRead([{ of, shown: [0, 1] }], facts)]).toEqual([0, 1, 2]);
    const read = new Map(labels.entries());
    const [[first, second]] = new ExampleMaker(facts, { before: 1, behind: 9 }).examples(of, [[0, 1]], read) as [
      ReturnType<ExampleMaker["examples"]>[number],
    ];
    expect(first).toEqual({
      ...{ row: 1, value: 2, split: "train", at: 1, cut: [true, false] },
      ...{ tokens: [" pen", "insula", "."], activations: [0, 2, null] },
    });
    expect(second).toMatchObject({ row: 2, split: "validation", tokens: ["Sea"], activations: [-1] });
  });

  test("a text of one row shows its token where its label has all of them, else its text", () => {
    const builder = new FactsBuilder({ validation: new Uint8Array(2), columns: {}, labels: () => [] });
    const labels = [
      { tokens: ["A", " sea"], position: 1 },
      { text: "law", position: 3 },
    ];
    for (const [row, label] of labels.entries()) builder.addLabel(row, label);
    const facts = builder.finish();
    expect(facts.attributes[0]).toMatchObject({ name: "token", values: [" sea"], known: 1 });
    const made = new ExampleMaker(facts, { before: 9, behind: 9 }).examples(
      latentRows([0, 1], [1, 2]),
      [[0, 1]],
      new Map(labels.entries()),
    );
    expect(made[0]![0]).toMatchObject({ tokens: ["A", " sea"], activations: [null, 1], at: 1 });
    expect(made[0]![1]).toMatchObject({ text: "law" });
  });

  test("where tokens stand in their texts is no attribute; a start of something else is", () => {
    const named = (columns: Record<string, Float64Array>) =>
      new FactsBuilder({ validation: new Uint8Array(2), columns }).finish().attributes.map(({ name }) => name);
    const [start, end] = [Float64Array.of(0, 3), Float64Array.of(2, 5)];
    expect(named({ token_id: Float64Array.of(4, 9), start, end })).toEqual(["token"]);
    expect(named({ start, end })).toEqual(["start", "end"]);
    expect(named({ token_id: Float64Array.of(4, 9), start: Float64Array.of(0.5, 3) })).toEqual(["token", "start"]);
  });

  test("labels with too many values, or one, are left out with the reason", () => {
    const rows = mostValues + 1;
    const builder = new FactsBuilder({ validation: new Uint8Array(rows), columns: { shade: new Float64Array(rows) } });
    for (let row = 0; row < rows; row++) builder.addLabel(row, { name: `n${row}`, kind: row % 3 === 0 });
    const { attributes, leftOut } = builder.finish();
    expect(attributes).toMatchObject([{ name: "kind", values: ["true", "false"], known: rows }]);
    expect(leftOut).toEqual([
      { name: "name", why: `it has more than ${mostValues} different values` },
      { name: "shade", why: "it has one value in all rows" },
    ]);
  });
});

describe("tokens", () => {
  test("of a byte-level tokenizer.json, of one with ▁, of lists", () => {
    const bytes = { model: { vocab: { Ġsea: 1, "Ã¼": 0 } }, added_tokens: [{ id: 3, content: "<end>" }] };
    expect(parseVocabulary(JSON.stringify(bytes), "tokenizer.json")).toEqual(["ü", " sea", undefined, "<end>"]);
    const unigram = {
      model: {
        vocab: [
          ["▁sea", -1.5],
          ["s", -2],
        ],
      },
    };
    expect(parseVocabulary(JSON.stringify(unigram), "tokenizer.json")).toEqual([" sea", "s"]);
    expect(parseVocabulary('["a"," b"]', "list.json")).toEqual(["a", " b"]);
    expect(parseVocabulary("a\r\n b\n", "list.txt")).toEqual(["a", " b"]);
  });

  test("of what is no such file: one line", () => {
    expect(complaint(() => parseVocabulary("{", "t.json"))).toContain("t.json: not valid JSON");
    expect(complaint(() => parseVocabulary('{"model":{"vocab":{"a":-1}}}', "t.json"))).toContain(
      "neither a tokenizer.json",
    );
    expect(complaint(() => parseVocabulary('{"model":{"vocab":{"a":99999999}}}', "t.json"))).toContain("id 99999999");
  });
});

/** A latent with texts as long as they come. */
function large(token: string): Feature {
  const tokens = Array.from({ length: 37 }, () => token);
  const example = {
    ...{ row: 123_456, value: 1.23456, split: "train" as const, at: 24, cut: [true, true] as const },
    ...{ tokens, activations: tokens.map((_, i) => 0.12345 * i) },
  };
  const signed = { rows: 5, mean: 1, largest: 2 };
  return {
    latent: 7,
    firing: {
      ...{ rows: 5, frequency: 0.1, frequencyTrain: 0.1, frequencyValidation: null, positive: signed },
      ...{ negative: { rows: 0, mean: null, largest: null }, histogram: { from: 0, to: 2, counts: [1, 4] } },
    },
    top: Array.from({ length: 100 }, () => example),
    bands: Array.from({ length: 5 }, () => ({ from: 1, to: 2, examples: [example, example, example, example] })),
    ...{ attributes: [], nearest: [], together: [], duplicates: [], dense: false },
    ...{ promoted: [{ index: 3, value: 1.23456 }], suppressed: [{ index: 4, value: -2 }] },
  };
}

test("a latent's file stays below 50 kB, however long its texts are, and keeps the rows' own tokens", () => {
  for (const token of [" sea", "\u2028\u{1F30A}".repeat(20)]) {
    const script = latentScript(large(token), String);
    expect(new TextEncoder().encode(script).length).toBeLessThan(mostBytes);
    expect(script).not.toContain("\u2028");
    const { top } = JSON.parse(script.slice("saeOnnxLatent(".length, -2));
    for (const { tokens, at } of top) expect(tokens[at]).toBe(token);
  }
});

test("Neuronpedia's keys are those of its dashboards", () => {
  const about = { model: "m", layer: 3, sae: "s", dataset: "d", rows: 9, tokens: 37 };
  const { features, ...batch } = JSON.parse(neuronpediaBatch([large(" sea")], about, (id) => `t${id}`));
  expect(batch).toEqual({ model_id: "m", layer: 3, sae_set: "s", sae_id_suffix: null });
  const [{ activations, ...feature }] = features;
  expect(feature).toMatchObject({ feature_index: 7, frac_nonzero: 0.1, freq_hist_data_bar_values: [0.5, 1.5] });
  expect(feature).toMatchObject({
    freq_hist_data_bar_heights: [1, 4],
    pos_str: ["t3"],
    pos_values: [1.235],
    neg_str: ["t4"],
  });
  expect(activations).toHaveLength(120);
  expect(activations[0]).toMatchObject({ bin_min: -1, bin_max: 1.235, bin_contains: -1, qualifying_token_index: 24 });
  expect(activations[100]).toMatchObject({ bin_min: 1, bin_max: 2, bin_contains: 0.2 });
});
