import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { detectionOf } from "../../../src/evaluate/truth/detection.ts";
import { matchingMetrics, matchingOf } from "../../../src/evaluate/truth/matching.ts";
import { buildModel } from "../../../src/graph/build.ts";
import * as op from "../../../src/graph/ops.ts";
import { describedKeys } from "../../../src/metrics/index.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import { type HostTensor, tensor } from "../../../src/util/tensor.ts";
import { matrix } from "../../data/helpers.ts";

interface Case {
  readonly features: number[][];
  readonly decoder: number[][];
  readonly active: number[][];
  readonly codes: number[][];
  readonly mcc: number;
  readonly uniqueness: number;
  readonly feature_precision: number;
  readonly feature_recall: number;
  readonly feature_f1: number;
}
const cases = JSON.parse(
  readFileSync(new URL("../../fixtures/saelens-truth.json", import.meta.url), "utf8"),
) as readonly Case[];
const one = { threads: 1 };

/** Lists of features as a matrix, -1 where they end. */
function filled(lists: readonly (readonly number[])[]): HostTensor<"int32"> {
  const most = Math.max(1, ...lists.map(({ length }) => length));
  const data = lists.flatMap((list) => [...list, ...Array<number>(most - list.length).fill(-1)]);
  return tensor("int32", [lists.length, most], Int32Array.from(data));
}

/** A model whose latents are its activations. */
function passOn(width: number) {
  const activations = op.input("float32", ["batch", width]);
  return buildModel({ name: "given", inputs: { activations }, outputs: { latents: op.mul(activations, 1) } });
}

describe.each(cases)("against SAELens: $features.length features, $decoder.length latents", (expected) => {
  const decoder = matrix(...expected.decoder);
  const matching = matchingOf(cpu, matrix(...expected.features), decoder, one);

  test("MCC and uniqueness", async () => {
    const { mcc, uniqueness } = matchingMetrics(await matching);
    expect(mcc).toBeCloseTo(expected.mcc, 5);
    expect(uniqueness).toBeCloseTo(expected.uniqueness, 9);
  });

  test("precision, recall and F1", async () => {
    const found = await detectionOf(
      ...([cpu, passOn(decoder.dims[0]!), matrix(...expected.codes)] as const),
      ...([{ active: filled(expected.active) }, await matching, one] as const),
    );
    for (const key of ["feature_precision", "feature_recall", "feature_f1"] as const)
      expect(found[key], key).toBeCloseTo(expected[key], 6);
    expect(found.absorption_rate).toBeNull();
  });
});

/** Three orthogonal features, a latent along each; feature 1 is the child of feature 0, feature 2 of feature 1. */
const axes = matrix([1, 0, 0], [0, 1, 0], [0, 0, 1]);
const tree = tensor("int32", [3], Int32Array.of(-1, 0, 1));
const judge = async (decoder: HostTensor<"float32">, active: number[][], codes: number[][]) =>
  detectionOf(
    ...([cpu, passOn(3), matrix(...codes), { active: filled(active), parents: tree }] as const),
    ...([await matchingOf(cpu, axes, decoder, one), one] as const),
  );

test("absorption: the share of rows in which a child's latent fires alone", async () => {
  const active = [[0, 1], [0, 1], [0, 1, 2], [0], [0, 1]];
  // Feature 1 is seen in four rows, in one of them its parent is not; feature 2 in one, without its parent.
  const codes = [
    [1, 1, 0],
    [0, 1, 0],
    [1, 0, -2],
    [0, 0, 0],
    [1, 1, 0],
  ];
  const { absorption_rate, ...rest } = await judge(axes, active, codes);
  expect(absorption_rate).toBeCloseTo(2 / 4, 9);
  // Latent 0: 3 of 5; latent 1: 3 of 4; latent 2: 1 of 1; none fires where its feature is not.
  expect(rest.feature_precision).toBeCloseTo(1, 9);
  expect(rest.feature_recall).toBeCloseTo((3 / 5 + 3 / 4 + 1) / 3, 9);
});

test("a latent that is near no feature is no feature's own", async () => {
  const far = matrix([1, 0, 0], [0, 0.4, Math.sqrt(1 - 0.16)], [0, -0.3, 0.05]);
  // Latent 1 is matched with feature 2, latent 2 with feature 1 (cosine .99); both count, and the sign does not matter.
  const { absorption_rate } = await judge(far, [[0, 1]], [[0, 0, 3]]);
  expect(absorption_rate).toBe(1);
  const vague = matrix([1, 1.9, 1.9], [0, 1, 0], [0, 0, 1]);
  // Now feature 0's own latent has a cosine of .35: it is not looked at.
  expect((await judge(vague, [[0, 1]], [[0, 1, 0]])).absorption_rate).toBeNull();
});

test("only the rows that are known are judged, in batches as in one", async () => {
  const rows = 1500;
  const active = Array.from({ length: rows }, (_, row) => [row % 3]);
  const codes = Array.from({ length: rows + 100 }, (_, row) => [0, 1, 2].map((latent) => (latent === row % 3 ? 1 : 0)));
  const found = await judge(axes, active, codes);
  expect(found).toMatchObject({ feature_precision: 1, feature_recall: 1, feature_f1: 1 });
});

test("dead latents and rows of zeros count as nothing found", async () => {
  const none = await matchingOf(cpu, axes, matrix([0, 0, 0], [2, 0, 0], [1, 0, 0]), one);
  expect(matchingMetrics(none)).toEqual({ mcc: expect.closeTo(1 / 3, 6), uniqueness: expect.closeTo(1 / 3, 9) });
});

test("every key is described", () => {
  for (const key of ["mcc", "uniqueness", "feature_precision", "feature_recall", "feature_f1", "absorption_rate"])
    expect(describedKeys[key]?.definition, key).toBeTruthy();
});
