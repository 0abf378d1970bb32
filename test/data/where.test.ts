import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { readActivations } from "../../src/data/files.node.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { ptTensors, readPt } from "../../src/data/pt.ts";
import { readPtActivations } from "../../src/data/ptActivations.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { parseWhere, type Where } from "../../src/data/where.ts";
import { int64s } from "../../src/util/tensor.ts";
import { temporaryFolder } from "../cli/run.ts";
import { ascii, complaint, matrix, refusal } from "./helpers.ts";

/** 3 problems, 2 positions, 16 layers, 8 dims; see test/fixtures/pt_activations.py. */
const file = "test/fixtures/pt-activations.pt";
const good = new Uint8Array(readFileSync(file));

/** Reads from memory, and where from. */
function counted(bytes: Uint8Array) {
  const reads: { readonly from: number; readonly length: number }[] = [];
  const read = async (from: number, into: Uint8Array) => {
    reads.push({ from, length: into.length });
    into.set(bytes.subarray(from, from + into.length));
    return into;
  };
  return { reads, source: { size: bytes.length, read } };
}

test("only the wanted rows of a .pt file come, with their columns", async () => {
  const set = await readActivations(file, { where: { position: 3, layer: 14 } });
  expect(set.activations.dims).toEqual([3, 8]);
  const first = (problem: number) => 100 * problem + 3000 + 14;
  expect([...set.activations.data.subarray(8, 16)]).toEqual(Array.from({ length: 8 }, (_, i) => first(1) + i / 16));
  expect(set.columns).toEqual({
    text_id: Float64Array.of(0, 1, 2),
    position: Float64Array.of(3, 3, 3),
    layer: Float64Array.of(14, 14, 14),
  });
});

test("without conditions all rows come", async () => {
  expect((await readActivations(file)).activations.dims).toEqual([96, 8]);
});

test("of the activations just the wanted bytes are read", async () => {
  const { reads, source } = counted(good);
  await readPtActivations(source, file, { position: 3, layer: 14 });
  const rows = reads.filter(({ length }) => length === 32);
  expect(rows).toHaveLength(3);
  expect(rows[1]!.from - rows[0]!.from).toBe(32 * 32);
  // Besides: the end of the file (1 MiB of a longer one), the pickle, and two member headers.
  expect(reads.length).toBeLessThanOrEqual(8);

  const all = counted(good);
  await readPtActivations(all.source, file, {});
  expect(all.reads.filter(({ length }) => length === 96 * 32)).toHaveLength(1);
});

test("an .npz or .safetensors file is filtered by its columns too", async () => {
  const path = join(temporaryFolder(), "a.safetensors");
  const layer = int64s([4, 5, 4]);
  writeFileSync(path, writeSafetensors({ activations: matrix([1, 2], [3, 4], [5, 6]), layer }));
  const { activations, columns } = await readActivations(path, { where: { layer: 4 } });
  expect([...activations.data]).toEqual([1, 2, 5, 6]);
  expect(columns).toEqual({ layer: Float64Array.of(4, 4) });
});

test("conditions that fit nothing or are none are refused", async () => {
  const refused = (where: Where) => readActivations(file, { where }).catch((error) => error.message);
  expect(await refused({ position: 7 })).toBe(`${file}: no row with position=7; position has 2, 3`);
  expect(await refused({ layer: 99 })).toMatch(/layer=99; layer has 0, 1, .*, 11 and 4 more$/);
  expect(await refused({ token: 7 })).toBe(
    `${file}: no column "token"; it has text_id, position, layer, cot_sequences`,
  );
  for (const text of [
    "layer",
    "layer=1,layer=2",
    "",
    "layer=1;position=2",
    "layer=",
    "layer=1,",
    "=1",
    "1,layer=1",
    "layer=5..1",
    "a==1",
  ])
    expect(complaint(() => parseWhere(text))).toContain("--where: must be columns and numbers");
  expect(parseWhere("position=3, layer = 14")).toEqual({ position: 3, layer: 14 });
});

test("several values, ranges, and what a column must not be", async () => {
  expect(parseWhere("layer=0,1,position=1..5,label!=x y,2")).toEqual({
    layer: { values: [0, 1] },
    position: { values: [{ from: 1, to: 5 }] },
    label: { not: true, values: ["x y", 2] },
  });
  expect(parseWhere("a=-1.5..2,b=007,c=é")).toEqual({ a: { values: [{ from: -1.5, to: 2 }] }, b: "007", c: "é" });
  const columns = async (text: string) => (await readActivations(file, { where: parseWhere(text) })).columns;
  const { layer, position } = await columns("layer=0,14..15,position=3");
  expect([...new Set(layer)]).toEqual([0, 14, 15]);
  expect([...new Set(position)]).toEqual([3]);
  expect([...new Set((await columns("layer!=0..13,15")).layer)]).toEqual([14]);
  expect([...new Set((await columns("layer=014")).layer)]).toEqual([14]);
  const refused = (text: string) => refusal(() => readActivations(file, { where: parseWhere(text) }));
  expect(await refused("position=4..7,9")).toBe(`${file}: no row with position=4..7,9; position has 2, 3`);
  expect(await refused("position!=2,3")).toBe(`${file}: no row with position!=2,3; position has 2, 3`);
  expect(await refused("position=x")).toBe(`${file}: column "position" holds numbers, --where asks for "x"`);
});

test("a text in quotes is taken as it is, with blanks at its ends and commas", async () => {
  expect(parseWhere('token=" of",",", "a=b",x , a!="7","\\u00e9\\""')).toEqual({
    token: { values: [" of", ",", "a=b", "x"] },
    a: { not: true, values: ["7", 'é"'] },
  });
  // What is no JSON string up to a comma is what it was before.
  expect(parseWhere('token=",b="x"y')).toEqual({ token: '"', b: '"x"y' });
  expect(parseWhere("token= of")).toEqual({ token: "of" });
  expect(complaint(() => parseWhere('token="\\x"'))).toContain('"\\x" is no JSON string');
  const path = join(temporaryFolder(), "a.npy");
  writeFileSync(path, writeNpy(matrix([1], [2], [3], [4])));
  writeFileSync(path.replace("npy", "labels.jsonl"), '{"token":" of"}\n{"token":"of"}\n{"token":","}\n{"token":"="}\n');
  const rows = async (text: string) => [...(await readActivations(path, { where: parseWhere(text) })).activations.data];
  expect(await rows('token=" of"')).toEqual([1]);
  expect(await rows("token=of")).toEqual([2]);
  expect(await rows('token=",","="')).toEqual([3, 4]);
  expect(await refusal(() => rows('token=" off","x"'))).toBe(
    'a.npy: no row with token=" off",x; token has " of", "of", ",", "="',
  );
});

test("columns of text: of a .pt file, of an .npz, and labels beside a file", async () => {
  const where = (path: string, text: string) => readActivations(path, { where: parseWhere(text) });
  expect((await where(file, "cot_sequences=text,layer=3")).activations.dims).toEqual([6, 8]);
  expect(await refusal(() => where(file, "cot_sequences!=text"))).toBe(
    `${file}: no row with cot_sequences!=text; cot_sequences has "text"`,
  );
  const folder = temporaryFolder();
  const rows = writeNpy(matrix([1], [2], [3]));
  const strings = (descr: string, letters: Uint8Array) => {
    const head = Buffer.from(`{'descr': '${descr}', 'fortran_order': False, 'shape': (3,), }`.padEnd(118));
    return Buffer.concat([Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]), head, letters]);
  };
  // Two letters of four bytes each, filled up with zeros: a, é and a letter beyond 16 bits, b.
  const wide = new Uint8Array(Uint32Array.of(97, 0, 0xe9, 0x1f600, 98, 0).buffer);
  const npz = { "a.npy": rows, "label.npy": strings("<U2", wide), "raw.npy": strings("|S2", ascii("x\0yz1\0")) };
  writeFileSync(join(folder, "a.npz"), zipSync(npz));
  expect([...(await where(join(folder, "a.npz"), "label!=a")).activations.data]).toEqual([2, 3]);
  expect([...(await where(join(folder, "a.npz"), "label=é\u{1f600},a")).activations.data]).toEqual([1, 2]);
  expect([...(await where(join(folder, "a.npz"), "raw=yz,1")).activations.data]).toEqual([2, 3]);
  writeFileSync(join(folder, "b.npy"), rows);
  writeFileSync(join(folder, "b.labels.jsonl"), '{"kind":"x","pos":1}\n{"kind":"y","pos":2}\n{"pos":3}\n');
  expect([...(await where(join(folder, "b.npy"), "kind!=x")).activations.data]).toEqual([2, 3]);
  expect([...(await where(join(folder, "b.npy"), "position=2..3,kind=y")).activations.data]).toEqual([2]);
  expect(await refusal(() => where(join(folder, "b.npy"), "sort=x"))).toBe(
    'b.npy: no column "sort"; it has kind, position',
  );
});

test("a tensor alone, and a dictionary with one matrix of another name", async () => {
  const rows = Float32Array.from({ length: 12 }, (_, i) => i);
  for (const name of ["plain", "named"]) {
    const { activations } = await readActivations(`test/fixtures/pt-${name}.pt`);
    expect([activations.dims, activations.data]).toEqual([[4, 3], rows]);
  }
  expect((await readActivations("test/fixtures/pt-named.pt", { tensor: "acts" })).activations.dims).toEqual([4, 3]);
  expect(await refusal(() => readActivations("test/fixtures/pt-named.pt", { tensor: "activations" }))).toMatch(
    /no tensor "activations"; it has "acts" F32 \[4, 3\]$/,
  );
  expect(await refusal(() => readActivations("test/fixtures/pt-legacy.pt"))).toMatch(
    /pt-legacy\.pt: is in PyTorch's old format, before 1\.6; load it and save it again: torch\.save\(torch\.load\(old\), new\)$/,
  );
});

test("the tensors of a .pt file are named by what leads to them", () => {
  const tensors = (name: string) =>
    [...ptTensors(readPt(new Uint8Array(readFileSync(`test/fixtures/${name}.pt`)), name))].map(([key, { shape }]) => [
      key,
      shape,
    ]);
  expect(tensors("pt-plain")).toEqual([["tensor", [4, 3]]]);
  expect(tensors("pt-named")).toEqual([["acts", [4, 3]]]);
  expect(tensors("pt-activations")).toEqual([["activations", [96, 8]]]);
  let deep: unknown = [];
  for (let i = 0; i < 1e5; i++) deep = [deep];
  expect(ptTensors(deep).size).toBe(0);
});

test("a file that is cut short, or has no activations, is refused", async () => {
  for (const length of [0, 1, 100, good.length - 1, good.length - 30]) {
    const { source } = counted(good.subarray(0, length));
    await expect(readPtActivations(source, "a.pt", {})).rejects.toThrow(/^a\.pt: corrupt archive/);
  }
  await expect(readActivations(file, { tensor: "acts" })).rejects.toThrow('no tensor "acts"; it has "activations"');
});
