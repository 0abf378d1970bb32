import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readActivations } from "../../src/data/files.node.ts";
import { readPtActivations } from "../../src/data/ptActivations.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { parseWhere } from "../../src/data/where.ts";
import { int64s } from "../../src/util/tensor.ts";
import { temporaryFolder } from "../cli/run.ts";
import { complaint, matrix } from "./helpers.ts";

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
  const refused = (where: Record<string, number>) => readActivations(file, { where }).catch((error) => error.message);
  expect(await refused({ position: 7 })).toBe(`${file}: no row with position=7; position has 2, 3`);
  expect(await refused({ layer: 99 })).toMatch(/layer=99; layer has 0, 1, .*, 11 and 4 more$/);
  expect(await refused({ token: 7 })).toBe(`${file}: no column "token"; it has text_id, position, layer`);
  for (const text of ["layer", "layer=x", "layer=1,layer=2", "", "layer=1;position=2"])
    expect(complaint(() => parseWhere(text))).toContain("--where: must be columns and numbers");
  expect(parseWhere("position=3, layer = 14")).toEqual({ position: 3, layer: 14 });
});

test("a file that is cut short, or has no activations, is refused", async () => {
  for (const length of [0, 1, 100, good.length - 1, good.length - 30]) {
    const { source } = counted(good.subarray(0, length));
    await expect(readPtActivations(source, "a.pt", {})).rejects.toThrow(/^a\.pt: corrupt archive/);
  }
  await expect(readActivations(file, { tensor: "acts" })).rejects.toThrow('no tensor "acts"; it has "activations"');
});
