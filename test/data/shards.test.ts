import { mkdirSync, mkdtempSync, openSync, truncateSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parseActivations } from "../../src/data/activations.ts";
import { columnOf, describeData } from "../../src/data/describe.ts";
import { readActivations, readLabelled } from "../../src/data/files.node.ts";
import { float32ToHalf, halfToFloat32 } from "../../src/data/half.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { Prefetch } from "../../src/data/prefetch.node.ts";
import { RowSpans } from "../../src/data/rowSpans.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { rowBatches } from "../../src/data/shards/batches.node.ts";
import { readLabelledShards } from "../../src/data/shards/labelled.node.ts";
import { ShardReader } from "../../src/data/shards/shardFiles.node.ts";
import { openShards, shardPaths, splitShards } from "../../src/data/shards/shardSet.node.ts";
import { surveyShards } from "../../src/data/shards/survey.node.ts";
import { splitRows } from "../../src/data/split.ts";
import { parseWhere } from "../../src/data/where.ts";
import { datasetOf } from "../../src/pipeline/dataset.node.ts";
import type { FilesToTrain } from "../../src/train/process/trainingProcess.node.ts";
import type { ResidentRows } from "../../src/train/rows.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, sliceRows, tensor } from "../../src/util/tensor.ts";
import { join as bytesJoined, refusal } from "./helpers.ts";

const width = 7;
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-shards-"));
const at = (name: string) => join(folder, name);
const rng = random(1, "shards");
/** 100 rows that float16 and bfloat16 hold exactly. */
const all = tensor(
  "float32",
  [100, width],
  Float32Array.from({ length: 100 * width }, () => (rng.below(255) - 127) / 64),
);
const half = ({ dims, data }: HostTensor<"float32">) => tensor("float16", dims, float32ToHalf(data));
const split = tensor(
  "int32",
  [100],
  Int32Array.from({ length: 100 }, () => (rng.below(3) === 0 ? 1 : 0)),
);

/** A .safetensors file of bfloat16, the upper halves of float32; and a column. */
function bfloat16({ dims, data }: HostTensor<"float32">, column: HostTensor<"int32">): Uint8Array {
  const upper = Uint16Array.from(new Uint32Array(data.slice().buffer), (word) => word >>> 16);
  const size = upper.byteLength;
  const header = {
    activations: { dtype: "BF16", shape: dims, data_offsets: [0, size] },
    split: { dtype: "I32", shape: column.dims, data_offsets: [size, size + column.data.byteLength] },
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer);
  return bytesJoined(length, text, new Uint8Array(upper.buffer), new Uint8Array(column.data.slice().buffer));
}

beforeAll(() => {
  mkdirSync(at("set"));
  mkdirSync(at("empty"));
  const part = (from: number, to: number) => [sliceRows(all, from, to), sliceRows(split, from, to)] as const;
  const [one, oneSplit] = part(0, 40);
  const [two, twoSplit] = part(40, 90);
  const [ten, tenSplit] = part(90, 100);
  writeFileSync(at("set/part-1.safetensors"), writeSafetensors({ split: oneSplit, activations: half(one) }));
  writeFileSync(at("set/part-2.safetensors"), writeSafetensors({ activations: two, split: twoSplit }));
  writeFileSync(at("set/part-10.safetensors"), bfloat16(ten, tenSplit));
  writeFileSync(at("whole.safetensors"), writeSafetensors({ activations: all, split }));
});

beforeAll(() => {
  mkdirSync(at("labelled"));
  const whole = (of: (row: number) => number) =>
    tensor(
      "int32",
      [100],
      Int32Array.from({ length: 100 }, (_, i) => of(i)),
    );
  const columns = { layer: whole((i) => i % 3), position: whole((i) => Math.floor(i / 7) % 4), split };
  const write = (path: string, from: number, to: number) => {
    const parts = Object.entries(columns).map(([name, one]) => [name, sliceRows(one, from, to)] as const);
    writeFileSync(
      at(`${path}.safetensors`),
      writeSafetensors({ activations: sliceRows(all, from, to), ...Object.fromEntries(parts) }),
    );
    const labels = Array.from({ length: to - from }, (_, i) => ({
      word: ["ab", "cd", "ef"][(from + i) % 5] ?? "none",
    }));
    writeFileSync(at(`${path}.labels.jsonl`), labels.map((one) => `${JSON.stringify(one)}\n`).join(""));
  };
  write("labelled", 0, 100);
  // The last has no row of some values.
  for (const [i, from, to] of [
    [1, 0, 33],
    [2, 33, 98],
    [3, 98, 100],
  ] as const)
    write(`labelled/${i}`, from, to);
});

const open = async (text: string) => openShards(await shardPaths(text), { source: text });
const whole = () => parseActivations(writeSafetensors({ activations: all, split }), "whole.safetensors");

describe("shards of float16, float32 and bfloat16, the last one short", () => {
  test("are one matrix in the order of their names' numbers", async () => {
    const { shards, rows, inputDim } = await open(at("set"));
    expect(shards.map(({ dtype, rows }) => [dtype, rows])).toEqual([
      ["F16", 40],
      ["F32", 50],
      ["BF16", 10],
    ]);
    expect([rows, inputDim]).toEqual([100, width]);
    const out = new Float32Array(all.data.length);
    await new ShardReader(shards).read([[0, 100]], out);
    expect(out).toEqual(all.data);
  });

  test("any rows can be read, by batches and by the reading thread", async () => {
    const set = await open(at("set"));
    const { validation } = splitShards(set);
    const wanted = validation.ranges().flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
    const expected = wanted.flatMap((row) => Array.from(sliceRows(all, row, row + 1).data));
    const found: number[] = [];
    for await (const { data } of rowBatches(set.shards, validation, 8)) found.push(...data);
    expect(found).toEqual(expected);

    const thread = new Prefetch({ shards: set.shards, bounds: validation.bounds });
    const some = await thread.read([
      [5, 9],
      [0, 2],
    ]);
    expect(Array.from(some)).toEqual([...expected.slice(5 * width, 9 * width), ...expected.slice(0, 2 * width)]);
    thread.free(some);
    expect(Array.from(await thread.read([[2, 8]]))).toEqual(expected.slice(2 * width, 8 * width));
    await thread.close();
  });

  test.each([undefined, 33])(
    "have the split and the digest of the same rows in one file (train rows %s)",
    async (n) => {
      const set = await open(at("set"));
      const parts = splitShards(set, n);
      const inMemory = splitRows(whole(), n);
      expect(parts.train.ranges().flatMap(([a, b]) => Array.from({ length: b - a }, (_, i) => a + i))).toEqual(
        Array.from(inMemory.train),
      );
      expect(parts.train.count + parts.validation.count).toBe(100);
      const { digest, mean } = await surveyShards(set, parts);
      expect(digest).toBe((await describeData(whole(), inMemory)).digest);
      for (let i = 0; i < width; i++) {
        let sum = 0;
        for (const row of inMemory.validation) sum += all.data[row * width + i]!;
        expect(mean[i]).toBe(sum / inMemory.validation.length);
      }
    },
  );

  test.each<[string, number | undefined]>([
    ["layer=1", undefined],
    ["layer=0,2,position!=1", 7],
    ["position=1..2,split=0..1", undefined],
    ["word=ab,cd", undefined],
    ["layer!=9", undefined],
  ])("--where %s gives the same rows, split and digest as of one file (train rows %s)", async (text, n) => {
    const where = parseWhere(text);
    const set = await openShards(await shardPaths(at("labelled")), { where, source: at("labelled") });
    const one = await readActivations(at("labelled.safetensors"), { where });
    const [parts, inMemory] = [splitShards(set, n), splitRows(one, n)];
    expect(set.rows).toBe(one.activations.dims[0]);
    const { digest, mean } = await surveyShards(set, parts);
    expect(digest).toBe((await describeData(one, inMemory)).digest);
    expect([set.layer, set.position]).toEqual([columnOf(one, "layer"), columnOf(one, "position")]);
    const [files, memory] = [await datasetOf(set, n), await datasetOf(one, n)];
    expect(files.info.digest).toBe(memory.info.digest);
    const { shards, bounds } = files.training as FilesToTrain;
    const rows = new RowSpans(bounds);
    const read: number[] = [];
    for await (const { data } of rowBatches(shards, rows, 8)) read.push(...data);
    expect(read).toEqual(Array.from((memory.training as ResidentRows).activations.data));
    for (let i = 0; i < width; i++) {
      const column = parts.validation
        .ranges()
        .flatMap(([from, to]) =>
          Array.from({ length: to - from }, (_, row) => one.activations.data[(from + row) * width + i]!),
        );
      expect(mean[i]).toBeCloseTo(column.reduce((a, b) => a + b, 0) / column.length, 5);
    }
  });

  test.each<[string, string | RegExp]>([
    ["layr=1", /labelled\/1\.safetensors: no column "layr"; it has .*layer, position, split|no column "layr"; it has /],
    ["layer=77", /labelled: no row with layer=77; layer has 0, 1, 2$/],
    ["layer=x", /column "layer" holds numbers, --where asks for "x"/],
  ])("--where %s is refused", async (text, message) => {
    const where = parseWhere(text);
    expect(
      await refusal(async () => openShards(await shardPaths(at("labelled")), { where, source: at("labelled") })),
    ).toMatch(message);
  });

  test("a column that not all shards have is none to choose by", async () => {
    const where = parseWhere("split=1");
    mkdirSync(at("uneven"));
    writeFileSync(at("uneven/1.safetensors"), writeSafetensors({ activations: all, split }));
    writeFileSync(at("uneven/2.safetensors"), writeSafetensors({ activations: all }));
    expect(await refusal(async () => openShards(await shardPaths(at("uneven")), { where, source: "u" }))).toMatch(
      /uneven\/2\.safetensors: no column "split"; it has none$/,
    );
  });

  test("of a folder of several places one is to be named", async () => {
    mkdirSync(at("places/texts"), { recursive: true });
    expect(await refusal(() => shardPaths(at("places")))).toMatch(/in this folder; name one that has activations$/);
    for (const block of [14, 3]) {
      mkdirSync(at(`places/blocks.${block}`));
      writeFileSync(at(`places/blocks.${block}/shard-000000.safetensors`), "");
    }
    expect(await refusal(() => shardPaths(at("places")))).toBe(
      `${at("places")}: no .safetensors or .npy file in this folder; name ${at("places/blocks.3")} or ${at("places/blocks.14")}`,
    );
  });

  test("a list is read in the order given", async () => {
    const { shards } = await open(`${at("set/part-2.safetensors")}, ${at("set/part-1.safetensors")}`);
    expect(shards.map(({ rows }) => rows)).toEqual([50, 40]);
  });
});

describe("all rows of shards in memory, with columns and labels", () => {
  test.each([
    ["", ["word", "position"]],
    ["word=ab,position=1..2", ["word"]],
    ['word!="none"', ["layer"]],
  ])("where %s they are those of one file", async (text, names) => {
    const where = parseWhere(text || undefined);
    const paths = await shardPaths(at("labelled"));
    const found = await readLabelledShards(paths, { where, names, source: at("labelled") });
    const { set, columns } = await readLabelled(at("labelled.safetensors"), { where, names });
    expect(found.activations).toEqual(set.activations);
    for (const name of names)
      expect(Array.from<unknown>(found.columns[name]!)).toEqual(Array.from<unknown>(columns[name]!));
    expect(Object.keys(found.columns)).toEqual(expect.arrayContaining(["layer", "position", "split"]));
  });

  test("no more than memory has room for", async () => {
    const header = writeNpy(tensor("float16", [1, 1], new Uint16Array(1))).subarray(0, 128);
    const text = "{'descr': '<f2', 'fortran_order': False, 'shape': (600000, 1024), }";
    header.set(new TextEncoder().encode(`${text.padEnd(117)}\n`), 10);
    const paths = [at("much-1.npy"), at("much-2.npy")];
    for (const path of paths) {
      writeFileSync(path, header);
      truncateSync(path, 128 + 600_000 * 1024 * 2);
    }
    expect(await refusal(() => readLabelledShards(paths, { names: [], source: "much" }))).toBe(
      "much: 1200000 rows, 1024 wide, take 4.6 GiB as float32, at most 4 GiB are held in memory; take fewer rows, with --where",
    );
  });
});

test("rows beyond 2^31 elements are found", async () => {
  const [rows, wide] = [1_200_000, 2048];
  const header = writeNpy(tensor("float16", [1, 1], new Uint16Array(1))).subarray(0, 128);
  const text = `{'descr': '<f2', 'fortran_order': False, 'shape': (${rows}, ${wide}), }`;
  header.set(new TextEncoder().encode(`${text.padEnd(117)}\n`), 10);
  const file = openSync(at("large.npy"), "w");
  writeSync(file, header);
  // A file with a hole: it takes no space.
  truncateSync(at("large.npy"), 128 + rows * wide * 2);
  const last = float32ToHalf(Float32Array.from({ length: wide }, (_, i) => i));
  writeSync(file, new Uint8Array(last.buffer), 0, wide * 2, 128 + (rows - 1) * wide * 2);
  const { shards } = await open(at("large.npy"));
  const out = new Float32Array(2 * wide);
  await new ShardReader(shards).read([[rows - 2, rows]], out);
  expect(out.subarray(0, wide).every((v) => v === 0)).toBe(true);
  expect(out.subarray(wide)).toEqual(halfToFloat32(last));
});

describe("is refused in one line, naming the shard", () => {
  const npy = (name: string, value: HostTensor) => writeFileSync(at(name), writeNpy(value));
  const survey = async (text: string) => {
    const set = await open(text);
    return surveyShards(set, splitShards(set));
  };

  test("an empty folder", async () => {
    expect(await refusal(() => shardPaths(at("empty")))).toMatch(/empty: no \.safetensors or \.npy file/);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("%s, by its row in its file", async (bad) => {
    const data = all.data.slice();
    data[60 * width + 3] = bad;
    npy("good.npy", all);
    npy("bad.npy", tensor("float32", [100, width], data));
    expect(await refusal(() => survey(`${at("good.npy")},${at("bad.npy")}`))).toMatch(
      new RegExp(`bad\\.npy: ${bad} at row 60, column 3`),
    );
  });

  test("another width", async () => {
    npy("good.npy", all);
    npy("wide.npy", tensor("float32", [350, 2], all.data));
    expect(await refusal(() => open(`${at("good.npy")},${at("wide.npy")}`))).toMatch(
      /wide\.npy: 2 wide, .*good\.npy is 7/,
    );
  });

  test("another type", async () => {
    npy("double.npy", tensor("float64", [1, width], new Float64Array(width)));
    expect(await refusal(() => open(at("double.npy")))).toMatch(
      /double\.npy: elements of type F64 are not read by windows/,
    );
  });

  test("a column that others lack", async () => {
    npy("good.npy", all);
    expect(await refusal(() => open(`${at("set/part-1.safetensors")},${at("good.npy")}`))).toMatch(
      /good\.npy: has no column "split"/,
    );
  });

  test("one that changes while it is read", async () => {
    npy("touched.npy", all);
    const { shards } = await open(at("touched.npy"));
    const out = new Float32Array(all.data.length);
    // The bytes are there when their place in the array is asked for.
    const subarray = (from: number, to: number) => {
      utimesSync(at("touched.npy"), 1, 1);
      return Float32Array.prototype.subarray.call(out, from, to);
    };
    Object.defineProperty(out, "subarray", { value: subarray });
    expect(await refusal(() => new ShardReader(shards).read([[0, 100]], out))).toMatch(
      /changed .*\(it was written to\)/,
    );
  });

  test("a file cut short, and one that shrinks or is touched after it was opened", async () => {
    const bytes = writeNpy(all);
    writeFileSync(at("short.npy"), bytes.subarray(0, bytes.length - 1));
    expect(await refusal(() => open(at("short.npy")))).toMatch(/short\.npy: truncated/);

    npy("changing.npy", all);
    const { shards } = await open(at("changing.npy"));
    const read = () => new ShardReader(shards).read([[0, 1]], new Float32Array(width));
    await read();
    utimesSync(at("changing.npy"), 1, 1);
    expect(await refusal(read)).toMatch(/changing\.npy: changed while it was in use/);
    writeFileSync(at("changing.npy"), bytes.subarray(0, bytes.length - 40));
    expect(await refusal(read)).toMatch(/changing\.npy: changed while it was in use \(2928 bytes before, 2888 now\)/);
    const thread = new Prefetch({ shards, bounds: Float64Array.of(0, 100) });
    expect(await refusal(() => thread.read([[0, 100]]))).toMatch(/changing\.npy: changed while it was in use/);
    await thread.close();
  });

  test("a name given twice, or left out", async () => {
    expect(await refusal(() => shardPaths("a.npy,a.npy"))).toMatch(/a\.npy is there twice/);
    expect(await refusal(() => shardPaths("a.npy,,b.npy"))).toMatch(/a name is missing/);
  });
});

describe("shards without rows", () => {
  const write = (name: string, part: HostTensor<"float32">, more: Record<string, HostTensor> = {}) =>
    writeFileSync(at(name), writeSafetensors({ activations: part, ...more }));
  const none = sliceRows(all, 0, 0);

  test.each(["first", "middle", "last"])("are read over: the %s", async (where) => {
    const folder = `none-${where}`;
    mkdirSync(at(folder));
    const parts = { first: [0, 0, 60, 100], middle: [0, 60, 60, 100], last: [0, 60, 100, 100] }[where]!;
    for (let i = 0; i < 3; i++) write(`${folder}/${i}.safetensors`, sliceRows(all, parts[i]!, parts[i + 1]!));
    writeFileSync(at(`${folder}/3.npy`), writeNpy(none));
    const set = await openShards(await shardPaths(at(folder)), { source: folder });
    expect(set.rows).toBe(100);
    const rows: number[] = [];
    const spans = splitShards(set, 80);
    for (const part of [spans.train, spans.validation])
      for await (const { data } of rowBatches(set.shards, part, 7)) rows.push(...data);
    expect(rows).toEqual([...all.data]);
  });

  test("need no column, and may be of no width", async () => {
    mkdirSync(at("none-split"));
    write("none-split/0.safetensors", tensor("float32", [0, 0], new Float32Array()));
    write("none-split/1.safetensors", all, { split });
    const set = await openShards(await shardPaths(at("none-split")), { source: "none-split" });
    expect(set.trainSpans?.count).toBe(split.data.filter((one) => one === 0).length);
  });

  test("are refused where there is no other", async () => {
    mkdirSync(at("none-all"));
    for (const name of ["a", "b"]) write(`none-all/${name}.safetensors`, none);
    const paths = await shardPaths(at("none-all"));
    expect(await refusal(() => openShards(paths, { source: "none-all" }))).toMatch(
      /a\.safetensors: this and the other 1 shards have no row; give activations of at least one$/,
    );
  });
});
