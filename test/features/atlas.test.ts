import { beforeAll, describe, expect, test } from "vitest";
import { decoderOf } from "../../src/evaluate/parts.ts";
import { freeze } from "../../src/export/freeze.ts";
import { Atlas } from "../../src/features/atlas.ts";
import { encodeRows } from "../../src/features/codes.ts";
import { codesFile, readCodesFile } from "../../src/features/codesFile.ts";
import { describeFeatures, usualCounts } from "../../src/features/features.ts";
import { tokenRows } from "../../src/features/tokenRows.ts";
import { packModel } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { HostTensor } from "../../src/util/tensor.ts";
import { OpenSae } from "../../src/worker/openSae.ts";
import { sample } from "../checkpoint/sample.ts";
import { cases } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const x = dictionaryRows(130, 16, 4);
/** Twelve texts of ten tokens and one of ten: tokens are named by their place. */
const texts = Array.from({ length: 13 }, (_, text) => Array.from({ length: 10 }, (_, at) => ` w${(text * at) % 7}`));
const { facts } = tokenRows(texts);

let model: Model;
let latents: HostTensor<"float32">;
let atlas: Atlas;
beforeAll(async () => {
  model = freeze(await sample(cases[0]!), "autoencoder");
  const session = await cpu.open(packModel(model), { threads: 1 });
  latents = (await session.run({ activations: x })).latents as HostTensor<"float32">;
  await session.release();
  atlas = await Atlas.open(await encodeRows(cpu, model, x), facts, decoderOf(model, 32));
});

const valueAt = (row: number, latent: number) => latents.data[row * 32 + latent]!;
const rowsOf = (latent: number) =>
  Array.from({ length: 130 }, (_, row) => row).filter((row) => valueAt(row, latent) !== 0);

test("the list says how often, how strongly and with which sign each latent fires", () => {
  const { frequency, largest, negative, spark } = atlas.list();
  for (let latent = 0; latent < 32; latent++) {
    const values = rowsOf(latent).map((row) => valueAt(row, latent));
    expect(frequency[latent]).toBeCloseTo(values.length / 130, 6);
    const most = values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    expect(largest[latent]).toBe(most);
    expect(negative[latent]).toBeCloseTo(
      values.length === 0 ? 0 : values.filter((value) => value < 0).length / values.length,
      6,
    );
    const bars = spark.subarray(12 * latent, 12 * latent + 12);
    expect(Math.max(...bars)).toBe(values.length === 0 ? 0 : 255);
  }
});

test("a latent is what describeFeatures says of it, but for the rates of false discoveries, which are no smaller", async () => {
  const counts = { ...usualCounts, window: { before: 2000, behind: 2000 } };
  const features = await describeFeatures(cpu, model, x, facts, { counts });
  for await (const wanted of features.each()) {
    const { attributes, nearest, ...rest } = await atlas.latent(wanted.latent);
    const { attributes: theirs, nearest: near, ...others } = wanted;
    expect({ ...rest, duplicates: [] }).toEqual({ ...others, duplicates: [] });
    expect(nearest.slice(0, 3).map(({ latent }) => latent)).toEqual(near.slice(0, 3).map(({ latent }) => latent));
    for (const [i, { name, values }] of attributes.entries())
      for (const [j, { falseDiscoveryRate, ...value }] of values.entries()) {
        const { falseDiscoveryRate: theirRate, ...their } = theirs[i]!.values[j]!;
        expect({ name, ...value }).toEqual({ name: theirs[i]!.name, ...their });
        expect(falseDiscoveryRate ?? 0).toBeGreaterThanOrEqual((theirRate ?? 0) - 1e-12);
      }
  }
});

test("a row stands in its text, with the latents of every token", async () => {
  const { tokens, at, active, rows } = await atlas.row(57);
  expect(tokens).toEqual(texts[5]);
  expect(at).toBe(7);
  expect(rows).toEqual(Array.from({ length: 10 }, (_, i) => 50 + i));
  for (const [i, own] of active.entries()) {
    const wanted = Array.from({ length: 32 }, (_, latent) => ({ latent, value: valueAt(50 + i, latent) }))
      .filter(({ value }) => value !== 0)
      .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    expect(own).toEqual(wanted);
  }
});

test("a snippet is of the strongest row", async () => {
  const all = await atlas.snippets(Array.from({ length: 32 }, (_, latent) => latent));
  for (const [latent, snippet] of all.entries()) {
    const rows = rowsOf(latent);
    if (rows.length === 0) expect(snippet).toBeNull();
    else expect(Math.abs(snippet!.value)).toBe(Math.max(...rows.map((row) => Math.abs(valueAt(row, latent)))));
  }
});

test("what is not there is said", async () => {
  await expect(atlas.latent(32)).rejects.toThrow("there is no latent 32; they are numbered 0 to 31");
  await expect(atlas.row(130)).rejects.toThrow("there is no row 130; they are numbered 0 to 129");
});

test("a file of codes gives the same atlas, values rounded to float16", async () => {
  const about = { name: "a", about: "an SAE", source: "nowhere" };
  const bytes = await codesFile(atlas.codes, texts, about);
  const read = await readCodesFile(bytes, "a.safetensors");
  expect(read.about).toEqual(about);
  const again = await Atlas.open(read.codes, read.rows.facts);
  const [one, other] = [await atlas.row(57), await again.row(57)];
  for (const [i, own] of one.active.entries())
    for (const [j, { latent, value }] of own!.entries())
      expect(
        Math.abs(other.active[i]!.find((active) => active.latent === latent)!.value - value),
        `${i} ${j}`,
      ).toBeLessThan(2 ** -10 * Math.abs(value));
  await expect(readCodesFile(bytes.subarray(0, 4), "a")).rejects.toThrow("a .safetensors file has at least 8 bytes");
});

describe("an SAE that is open", () => {
  test("encodes rows that are given, and refuses one with NaN or of another width", async () => {
    const sae = await OpenSae.of(cpu, model, { rows: x, facts }, { file: "a", tell: () => {} });
    const row = { ...x, dims: [1, 16], data: x.data.slice(0, 16) };
    const [{ active, error } = { active: [], error: 0 }] = await sae.encode(row);
    const wanted = (await sae.atlas.row(0)).active[0]!;
    expect(active.map(({ latent }) => latent)).toEqual(wanted.map(({ latent }) => latent));
    for (const [i, { value }] of active.entries()) expect(value).toBeCloseTo(wanted[i]!.value, 6);
    expect(error).toBeCloseTo((await sae.errorOf(0))!, 10);
    row.data[2] = Number.NaN;
    await expect(sae.encode(row)).rejects.toThrow("the row: NaN at row 0, column 2");
    await expect(sae.encode({ ...row, dims: [1, 3], data: Float32Array.of(1, 2, 3) })).rejects.toThrow(
      "a row of 3 numbers; the model takes 16",
    );
    await sae.release();
  });

  test("of codes alone it has no model to encode with", async () => {
    await expect(OpenSae.withoutModel(atlas, "codes").encode(x)).rejects.toThrow("its model is not here; open one");
  });
});
