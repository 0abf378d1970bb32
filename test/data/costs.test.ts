import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { metadataIn } from "../../src/checkpoint/metadata.ts";
import { parseLabels } from "../../src/data/labels.ts";
import { readNpy, writeNpy } from "../../src/data/npy.ts";
import { readNpz } from "../../src/data/npz.ts";
import { readPickle } from "../../src/data/pickle.ts";
import { readSafetensors } from "../../src/data/safetensors.ts";
import { readZip } from "../../src/data/zip.ts";
import { readJson } from "../../src/formats/json.ts";
import { decodeModel } from "../../src/onnx/model.ts";
import { parseCsv } from "../../src/record/csv.ts";
import { parseJson } from "../../src/record/json.ts";
import { beyond } from "../../src/util/json.ts";
import { tensor } from "../../src/util/tensor.ts";
import { ascii, complaint } from "./helpers.ts";

/** A .safetensors file of a header alone. */
function safetensors(header: string): Uint8Array {
  const bytes = new Uint8Array(8 + header.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  new TextEncoder().encodeInto(header, bytes.subarray(8));
  return bytes;
}

const list = (count: number, one: (i: number) => string) => Array.from({ length: count }, (_, i) => one(i)).join(",");

/** An archive's directory of so many members, which claim nothing. */
function directory(members: number): Uint8Array {
  const entry = Buffer.alloc(47, "a");
  entry.fill(0, 0, 46).writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(1, 28);
  const end = Buffer.alloc(98);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(BigInt(members), 32);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(47 * members), 64);
  end.writeUInt32LE(0x06054b50, 76);
  end.fill(0xff, 86, 96);
  return Buffer.concat([Buffer.alloc(47 * members, entry), end]);
}

/** A .npy header of this text. */
function npyHeader(text: string): Uint8Array {
  const bytes = Buffer.alloc(12 + text.length, text);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0]);
  bytes.writeUInt32LE(text.length, 8);
  bytes.write(text, 12);
  return bytes;
}

const pickle = (body: Uint8Array) =>
  readPickle(Buffer.concat([ascii("]"), body, ascii(".")]), "a", {
    global: (name) => name,
    persistent: (id) => id,
    call: () => null,
  });

/** A model whose graph's or own field is there over and over, and empty. */
function model(field: "node" | "metadata" | "dim", count: number): Uint8Array {
  const around = (number: number, content: Uint8Array) => {
    const length = [];
    let left = content.length;
    for (; left > 127; left >>>= 7) length.push((left & 127) | 128);
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, left]), content]);
  };
  const many = (number: number) => Buffer.alloc(2 * count, Buffer.from([(number << 3) | 2, 0]));
  const output = around(12, Buffer.concat([around(1, ascii("y"))]));
  const dims = around(13, around(2, around(1, around(2, many(1)))));
  const graph = { node: [output, many(1)], metadata: [output], dim: [output, dims] }[field];
  const own = field === "metadata" ? many(14) : new Uint8Array();
  return Buffer.concat([around(8, Buffer.from([0x10, 17])), around(7, Buffer.concat(graph)), own]);
}

describe("small files that would cost much are refused in less than a second", () => {
  test.each<[string, () => Uint8Array | string, (given: never) => unknown, RegExp]>([
    [
      "empty tensors",
      () => safetensors(`{${list(200_000, (i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)}}`),
      (bytes: Uint8Array) => readSafetensors(bytes, "a"),
      /^a: the header has more than 1048576 values; /,
    ],
    [
      "more tensors than any file has",
      () => safetensors(`{${list(70_000, (i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)}}`),
      (bytes: Uint8Array) => readSafetensors(bytes, "a"),
      /^a: 70000 tensors, at most 65536 are read; /,
    ],
    [
      "many texts",
      () => safetensors(`{"__metadata__":{${list(100_000, (i) => `"${i}":""`)}}}`),
      (bytes: Uint8Array) => readSafetensors(bytes, "a"),
      /^a: __metadata__ has 100000 texts, at most 16384 are read; /,
    ],
    [
      "a header of brackets",
      () => safetensors("[".repeat(10_000_000)),
      (bytes: Uint8Array) => readSafetensors(bytes, "a"),
      /^a: the header has values more than 8 levels within one another; /,
    ],
    [
      "a long name",
      () => safetensors(`{"${"a".repeat(60_000_000)}":1}`),
      (bytes: Uint8Array) => readSafetensors(bytes, "a"),
      /^a: header of 60000006 bytes, the format allows 100000000, at most 16777216 are read; /,
    ],
    [
      "an archive of many members",
      () => directory(1_000_000),
      (bytes: Uint8Array) => readZip(bytes, "a", 2 ** 30),
      /^a: an archive of 1000000 members, at most 16384 are read; /,
    ],
    [
      "a .npy header of brackets",
      () => npyHeader("(".repeat(2 ** 20)),
      (bytes: Uint8Array) => readNpy(bytes, "a"),
      /^a: /,
    ],
    [
      "labels of brackets",
      () => `{"a":${"[".repeat(500_000)}${"]".repeat(500_000)}}\n`.repeat(20),
      (text: string) => parseLabels(text, "a"),
      /^a: line 1 has values more than 64 levels within one another; /,
    ],
    [
      "more labels than rows",
      () => "{}\n".repeat(3_000_000),
      (text: string) => parseLabels(text, "a", 2),
      /^a: 3000000 labels for 2 rows of activations; /,
    ],
    ["a pickle of values to recall", () => Buffer.alloc(20e6, 0x94), pickle, /too many values to recall at byte/],
    ["a pickle of lists", () => Buffer.alloc(20e6, "]a"), pickle, /too many lists at byte/],
    ["a pickle of tuples within tuples", () => Buffer.alloc(20e6, 0x85), pickle, /too many lists at byte/],
    ["a pickle of marks", () => Buffer.alloc(20e6, "("), pickle, /too many values at byte/],
    [
      "metrics of brackets",
      () => "[".repeat(10e6),
      (text: string) => parseJson(text, "a"),
      /^a: has values more than 64 levels within one another; /,
    ],
    [
      "metrics of more values than are read",
      () => `[${"1,".repeat(2 ** 24)}1]`,
      (text: string) => parseJson(text, "a"),
      /^a: has more than 16777216 values; /,
    ],
    [
      "a long cell of a .csv that ends in it",
      () => `name,k\n"${"b".repeat(20e6)}`,
      (text: string) => parseCsv(text, "a"),
      /^a: /,
    ],
    [
      "metrics cut short in a long text",
      () => `{"a":"${"b".repeat(60e6)}`,
      (text: string) => parseJson(text, "a"),
      /^a: not valid JSON/,
    ],
    [
      "a configuration of brackets",
      () => new TextEncoder().encode("[".repeat(10e6)),
      (bytes: Uint8Array) => readJson({ path: "a", files: new Map([["cfg.json", bytes]]) }, "cfg.json", z.object({})),
      /^a\/cfg\.json: is not JSON/,
    ],
    [
      "a configuration of very many keys",
      () => new TextEncoder().encode(`{${list(1.2e6, (i) => `"${i}":0`)}}`),
      (bytes: Uint8Array) => readJson({ path: "a", files: new Map([["cfg.json", bytes]]) }, "cfg.json", z.object({})),
      /^a\/cfg\.json: is not JSON/,
    ],
    [
      "a checkpoint whose configuration is brackets",
      () => "[".repeat(10e6),
      (text: string) => metadataIn({ config: text }, "a"),
      /^a: /,
    ],
    ...(["node", "metadata", "dim"] as const).map(
      (field): [string, () => Uint8Array, (bytes: never) => unknown, RegExp] => [
        `a model of many a ${field}`,
        () => model(field, 5_000_000),
        (bytes: Uint8Array) => decodeModel(bytes, "a"),
        /^a: a model of more than 2097152 parts/,
      ],
    ),
  ])("%s", (_, make, read, message) => {
    const given = make() as never;
    const start = process.cpuUsage();
    expect(complaint(() => read(given))).toMatch(message);
    // What this process computes: others on the machine do not count.
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(1);
  });

  test("a model of as many parts as are read is one", () => {
    for (const field of ["node", "metadata", "dim"] as const)
      expect(decodeModel(model(field, 1000), "a").graph!.output).toHaveLength(1);
  });
});

test("of the arrays of a .npz only the headers are decompressed until their elements are asked for", () => {
  const zeros = tensor("float32", [500, 4000], new Float32Array(2_000_000));
  const bytes = zipSync({ "a.npy": writeNpy(zeros), "b.npy": writeNpy(zeros) }, { level: 9 });
  // The checksum of b, in its own header and in the directory, is another.
  const copy = Buffer.from(bytes);
  const at = copy.lastIndexOf(Buffer.from("PK\u0001\u0002", "latin1"));
  copy.writeUInt32LE(1, at + 16);
  const arrays = readNpz(copy, "a.npz");
  expect([...arrays].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
    ["a", "F32", [500, 4000]],
    ["b", "F32", [500, 4000]],
  ]);
  expect(arrays.get("a")!.bytes).toHaveLength(8_000_000);
  expect(complaint(() => arrays.get("b")!.bytes)).toMatch(/the checksum of "b\.npy" does not match/);
});

test("a .npz array whose header is long, and one that is not as large as its header says", () => {
  const header = (text: string) => Buffer.concat([npyHeader(text), new Uint8Array(40_000)]);
  const shape = "{'descr': '<f4', 'fortran_order': False, 'shape': (10000,), }";
  const [long, wrong] = [header(shape.padEnd(70_000)), header(shape.replace("10000", "20000"))];
  expect(readNpz(zipSync({ "a.npy": long }), "a.npz").get("a")!.shape).toEqual([10_000]);
  expect(complaint(() => readNpz(zipSync({ "a.npy": wrong }), "a.npz"))).toMatch(
    /array "a": truncated, <f4 of shape \(20000\) takes 80000 bytes after the header, found 40000/,
  );
});

test("long texts in metrics are read: they are no more than text", () => {
  const long = "b".repeat(20e6);
  expect(parseJson(`{"a":"${long}\\"NaN","b":[NaN,-Infinity,"NaN"]}`, "a")).toEqual({
    ...{ a: `${long}"NaN`, b: [Number.NaN, Number.NEGATIVE_INFINITY, "NaN"] },
  });
});

test("the bounds of JSON count values and levels, not what is inside of strings", () => {
  const bounds = { depth: 2, values: 4 };
  expect(beyond('{"[[[,,,,,\\"[[":["a\\\\",1]}', bounds)).toBeUndefined();
  expect(beyond('{"a":[[1]]}', bounds)).toBe("has values more than 2 levels within one another");
  expect(beyond('{"a":[1,2,3]}', bounds)).toBe("has more than 4 values");
  expect(beyond('["open', bounds)).toBeUndefined();
});
