import { expect, test } from "vitest";
import { parseLatents } from "../../src/effect/changes.ts";
import { measureEffect } from "../../src/effect/effect.node.ts";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";
import { belongs, fileOf, fixtureSae, request } from "./helpers.ts";

const [vocabulary, width, size] = [20, 16, 6];
const rng = random(1, "text encoder");
const normal = (rows: number, columns: number) =>
  tensor(
    "float32",
    [rows, columns],
    Float32Array.from({ length: rows * columns }, () => rng.normal()),
  );
const [E, P] = [normal(vocabulary, width), normal(width, size)];

/** A text encoder: the mean of its tokens' embeddings, times P. */
const model = (() => {
  const ids = op.input("int64", ["batch", "sequence"]);
  const hidden = op.gather(op.constant(E, "E"), ids);
  const out = op.matMul(op.reduceMean(hidden, { axes: [1] }), op.constant(P, "P"));
  return buildModel({ inputs: { input_ids: ids }, outputs: { sentence_embedding: out }, values: { hidden } });
})();
const file = fileOf("encoder-model.onnx", encodeModel(model));

const texts = [[1, 2, 3], [4, 5], [6, 7, 8, 9], [10], [11, 3, 3, 2], [19, 18]];
const text = fileOf("encoded.jsonl", texts.map((ids) => `${JSON.stringify({ input_ids: ids })}\n`).join(""));

/** A text's vector, where its rows are as they are or changed. */
function vectorOf(ids: readonly number[], change: (row: number[], at: number) => number[] = (row) => row): number[] {
  const rows = ids.map((id, at) => change(Array.from(E.data.subarray(id * width, (id + 1) * width)), at));
  const mean = Array.from({ length: width }, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
  return Array.from({ length: size }, (_, j) => mean.reduce((sum, one, i) => sum + one * P.data[i * size + j]!, 0));
}

const dot = (a: number[], b: number[]) => a.reduce((sum, one, i) => sum + one * b[i]!, 0);
const cosine = (a: number[], b: number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

test("vectors move as they do by the definition, and are nearest to the text that is nearest", async () => {
  const { vectors, texts: count } = await measureEffect(
    await request({ file, text, at: "hidden", positions: "1..", changes: parseLatents("steer", "7:9") }),
  );
  expect(count).toBe(texts.length);
  const W_dec = fixtureSae(belongs).tensors.W_dec!.data;
  const all = texts.flatMap((ids) => ids.slice(1));
  const meanRow = Array.from({ length: width }, (_, i) =>
    all.reduce((sum, id) => sum + E.data[id * width + i]! / all.length, 0),
  );
  const changes: Record<string, (row: number[]) => number[]> = {
    zero: (row) => row.map(() => 0),
    mean: () => meanRow,
    "steer 7:9": (row) => row.map((value, i) => value + 9 * W_dec[7 * width + i]!),
  };
  const clean = texts.map((ids) => vectorOf(ids));
  for (const [name, change] of Object.entries(changes)) {
    const now = texts.map((ids) => vectorOf(ids, (row, at) => (at === 0 ? row : change(row))));
    const found = vectors![name]!;
    const cosines = now.map((vector, i) => cosine(vector, clean[i]!));
    for (const [i, one] of found.texts.entries()) {
      expect(one.text).toBe(i);
      expect(Math.abs(one.cosine - cosines[i]!)).toBeLessThan(1e-5);
      const away = now[i]!.map((value, j) => value - clean[i]![j]!);
      expect(Math.abs(one.distance - Math.sqrt(dot(away, away)))).toBeLessThan(1e-5);
      const near = clean.map((vector) => cosine(now[i]!, vector));
      expect(one.nearest).toBe(near.indexOf(Math.max(...near)));
    }
    expect(found.cosine_min).toBeCloseTo(Math.min(...cosines), 5);
    expect(found.cosine_mean).toBeCloseTo(
      cosines.reduce((sum, one) => sum + one / texts.length, 0),
      5,
    );
  }
  // The text of one token has nothing at position 1 and on.
  expect(vectors!.zero!.texts[3]).toMatchObject({ distance: 0, nearest: 3 });
  expect(vectors!["steer 7:9"]!.still_nearest).toBeLessThan(1);
  const gone = vectors!["steer 7:9"]!.texts.filter((one) => one.nearest !== one.text);
  expect(vectors!["steer 7:9"]!.examples).toEqual(
    gone.slice(0, 3).map((one) => ({ text: `text ${one.text}`, nearest: `text ${one.nearest}` })),
  );
  expect(vectors!["steer 7:9: random 1"]!.distance_mean).toBeGreaterThan(0.1);
});
