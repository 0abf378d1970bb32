import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { FeatureJson } from "../../src/features/featureJson.ts";
import type { FeatureSummary } from "../../src/features/summary.ts";
import { writeFeatures } from "../../src/pipeline/features.node.ts";
import { temporaryFolder } from "../cli/run.ts";

/** What numpy, scipy and scikit-learn say; see features_witness.py. */
interface Witness {
  readonly tests: number;
  readonly features: readonly {
    readonly latent: number;
    readonly rows: number;
    readonly frequency: number;
    readonly frequency_train: number;
    readonly frequency_validation: number;
    readonly positive: FeatureJson["positive"];
    readonly negative: FeatureJson["negative"];
    readonly histogram: readonly number[] | null;
    readonly top: readonly { readonly row: number; readonly value: number; readonly text: readonly number[] }[];
    readonly bands: readonly (readonly [number, number])[];
    readonly values: Readonly<Record<string, readonly Use[]>>;
    readonly nearest: readonly (readonly [number, number])[];
    readonly together: readonly (readonly [number, number, number])[];
    readonly promoted: readonly (readonly [number, number])[];
    readonly suppressed: readonly (readonly [number, number])[];
  }[];
}
type Use = FeatureJson["attributes"][number]["values"][number];

const folder = "test/fixtures/features";
const witness: Witness = JSON.parse(readFileSync(join(folder, "witness.json"), "utf8"));
const data = join(folder, "rows.npy");

/** What is written, by files' names. */
async function written(options: { batchSize?: number; memory?: number } = {}) {
  const out = join(temporaryFolder(), "features");
  const summary = await writeFeatures({
    ...{
      data,
      out,
      memory: options.memory,
      model: join(folder, "both-signs.onnx"),
      provider: "cpu",
      batchSize: options.batchSize,
    },
    ...{ unembedding: join(folder, "unembedding.npy"), tokenizer: join(folder, "tokens.json") },
  });
  const lines = readFileSync(join(out, "latents.jsonl"), "utf8");
  return {
    lines,
    summary,
    features: lines
      .trimEnd()
      .split("\n")
      .map((line): FeatureJson => JSON.parse(line)),
  };
}

let features: readonly FeatureJson[] = [];
let summary: FeatureSummary;
let lines = "";
beforeAll(async () => {
  ({ features, summary, lines } = await written());
});

const close = (found: number | null, expected: number | null, digits = 6) => {
  if (expected === null || found === null) return expect(found).toBe(expected);
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(10 ** -digits * Math.max(Math.abs(expected), 1e-300));
};

describe.each(witness.features)("latent $latent is as numpy, scipy and scikit-learn have it", (expected) => {
  const found = () => features[expected.latent]!;

  test("frequency, signs, histogram", () => {
    const { rows, frequency, frequency_train, frequency_validation, positive, negative, histogram } = found();
    expect([rows, frequency, frequency_train, frequency_validation]).toEqual([
      ...[expected.rows, expected.frequency, expected.frequency_train, expected.frequency_validation],
    ]);
    for (const [own, other] of [
      [positive, expected.positive],
      [negative, expected.negative],
    ] as const) {
      expect(own.rows).toBe(other.rows);
      close(own.mean, other.mean);
      close(own.largest, other.largest);
    }
    expect(histogram?.counts ?? null).toEqual(expected.histogram);
  });

  test("strongest rows, the activation of every token of their texts, bands", () => {
    const { top, bands } = found();
    expect(top.map(({ row }) => row)).toEqual(expected.top.map(({ row }) => row));
    for (const [i, { value, activations, at, tokens, split, row }] of top.entries()) {
      close(value, expected.top[i]!.value);
      expect(activations).toHaveLength(expected.top[i]!.text.length);
      for (const [j, one] of activations!.entries()) close(one, expected.top[i]!.text[j]!);
      expect(at).toBe(row % 8);
      expect(tokens![at!]).toMatch(/^ (w\d+|<b>&"China"<\/b>)$/);
      expect(split).toBe(row >= Math.floor(0.8 * 384) ? "validation" : "train");
    }
    if (expected.bands.length === 0) return;
    for (const [i, { from, to }] of bands.entries()) {
      close(from, expected.bands[i]![0]);
      close(to, expected.bands[i]![1]);
    }
  });

  test("tokens and labels: counts, share, lift, mutual information, chance, false discoveries", () => {
    for (const { name, values } of found().attributes) {
      const all = expected.values[name] ?? [];
      const of = new Map(all.map((one) => [one.value, one]));
      for (const one of values) {
        const other = of.get(one.value)!;
        expect([one.rows, one.fires]).toEqual([other.rows, other.fires]);
        close(one.share, other.share);
        close(one.lift, other.lift, 12);
        expect(one.mutual_information).toBeCloseTo(other.mutual_information, 12);
        close(one.p, other.p, 9);
        // Never too small, and too large by a step of 0.02 % at most.
        if (one.q === null) expect(other.q).toBeNull();
        else expect(one.q / other.q!).toBeGreaterThan(1 - 1e-12);
        if (one.q !== null) expect(one.q / other.q!).toBeLessThan(1.0003);
      }
      // The ten that carry most, and the ten more frequent than elsewhere that say most.
      const shown = values.map(({ value }) => value);
      const most = (by: (one: Use) => number, among: readonly Use[]) =>
        among.toSorted((a, b) => by(b) - by(a)).slice(0, 10);
      for (const one of most(({ share }) => share, all)) expect(shown).toContain(one.value);
      for (const one of most(
        ({ mutual_information }) => mutual_information,
        all.filter(({ lift }) => lift > 1 + 1e-9),
      ))
        expect(shown).toContain(one.value);
    }
  });

  test("neighbours by decoder and by firing, promoted and suppressed tokens", () => {
    const { nearest, together, promoted, suppressed } = found();
    expect(nearest.map(({ latent }) => latent)).toEqual(expected.nearest.map(([latent]) => latent));
    for (const [i, { cosine }] of nearest.entries()) expect(cosine).toBeCloseTo(expected.nearest[i]![1], 5);
    expect(together.map(({ latent }) => latent)).toEqual(expected.together.map(([latent]) => latent));
    for (const [i, { jaccard, correlation }] of together.entries()) {
      close(jaccard, expected.together[i]![1], 12);
      expect(correlation).toBeCloseTo(expected.together[i]![2], 12);
    }
    expect(promoted!.map(({ token_id }) => token_id)).toEqual(expected.promoted.map(([token]) => token));
    expect(suppressed!.map(({ token_id }) => token_id)).toEqual(expected.suppressed.map(([token]) => token));
    for (const [i, { logit }] of promoted!.entries()) expect(logit).toBeCloseTo(expected.promoted[i]![1], 5);
    for (const [i, { logit }] of suppressed!.entries()) expect(logit).toBeCloseTo(expected.suppressed[i]![1], 5);
  });
});

test("all latents together: tests, a dead one, a planted duplicate", () => {
  expect(summary.tests).toBe(witness.tests);
  expect(summary.dead).toBe(1);
  expect(summary.duplicates).toContainEqual([0, 1]);
  expect(summary.data).toMatchObject({ rows: 384, train_rows: 307, validation_rows: 77, texts: 48 });
});

test("batches, reading by windows, and activations in a file change nothing", async () => {
  expect((await written({ batchSize: 7 })).lines).toBe(lines);
  expect((await written({ batchSize: 383, memory: 0 })).lines).toBe(lines);
  expect((await written({ memory: 4000 })).lines).toBe(lines);
});
