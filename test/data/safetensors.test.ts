import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseActivations } from "../../src/data/activations.ts";
import { readSafetensors, toFloat32, toTensor, writeSafetensors } from "../../src/data/safetensors.ts";
import { readShardHeader } from "../../src/data/shards/shard.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { ascii, complaint, join, matrix } from "./helpers.ts";

/** A file by hand: 8 bytes of length, the header as given, the data. */
const file = (header: unknown, data: readonly number[] = []) => {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  return join([text.length & 255, text.length >> 8, 0, 0, 0, 0, 0, 0], ascii(text), data);
};
const read = (bytes: Uint8Array) => readSafetensors(bytes, "a.safetensors");
const one = (dtype: string, shape: number[], data: number[]) =>
  read(file({ x: { dtype, shape, data_offsets: [0, data.length] } }, data)).tensors.get("x")!;

describe("writing", () => {
  test("gives the bytes of the format: padded header, sorted metadata, tensors in order", () => {
    const bytes = writeSafetensors(
      { b: matrix([1, -2]), a: tensor("bool", [1], Uint8Array.of(1)) },
      { z: "1", k: "2" },
    );
    const header =
      '{"__metadata__":{"k":"2","z":"1"},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"a":{"dtype":"BOOL","shape":[1],"data_offsets":[8,9]}}';
    expect(header.length % 8).toBe(7);
    expect(bytes).toEqual(
      join([header.length + 1, 0, 0, 0, 0, 0, 0, 0], ascii(`${header} `), [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 1]),
    );
  });

  test("the same tensors in another metadata order give the same bytes", () => {
    const tensors = { x: matrix([1]) };
    expect(writeSafetensors(tensors, { a: "1", b: "2" })).toEqual(writeSafetensors(tensors, { b: "2", a: "1" }));
  });

  test("a name that the header has twice is refused, whether tensor, metadata or size", () => {
    const [a, b] = [
      '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}',
      '{"dtype":"U8","shape":[1],"data_offsets":[1,2]}',
    ];
    const twice = (header: string, data = [1, 2]) => complaint(() => read(file(header, data)));
    const remedy = "twice; write the file again, each name once";
    expect(twice(`{"x":${a},"x":${b}}`)).toBe(`a.safetensors: the header has "x" ${remedy}`);
    expect(twice(`{"x":${b},"\\u0078":${b},"y":${a}}`)).toBe(`a.safetensors: the header has "x" ${remedy}`);
    expect(twice(`{"__metadata__":{"k":"1","k":"2"},"x":${a}}`, [1])).toBe(
      `a.safetensors: the header has "k" ${remedy}`,
    );
    expect(twice('{"x":{"dtype":"F32","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', [1])).toContain(
      '"dtype" twice',
    );
    // The same name in two objects, or as text, is fine.
    expect([...read(file(`{"dtype":${a},"x":${b},"__metadata__":{"x":"x"}}`, [1, 2])).tensors.keys()]).toEqual([
      "dtype",
      "x",
    ]);
  });

  test("metadata of null are none", () => {
    const header = { __metadata__: null, x: { dtype: "U8", shape: [1], data_offsets: [0, 1] } };
    expect(read(file(header, [1]))).toMatchObject({ metadata: {} });
    expect(read(file(header, [1])).tensors.size).toBe(1);
  });

  test("refuses reserved names", () => {
    expect(complaint(() => writeSafetensors({ __metadata__: matrix([1]) }))).toContain("reserved");
    expect(complaint(() => writeSafetensors({ constructor: matrix([1]) }))).toContain('"constructor"');
    expect(complaint(() => writeSafetensors({}, { prototype: "" }))).toContain('"prototype"');
  });
});

describe("reading", () => {
  test("returns what was written, for every type", () => {
    const tensors: Record<string, HostTensor> = {
      bool: tensor("bool", [3], Uint8Array.of(1, 0, 1)),
      float32: matrix([1.5, Number.NaN], [-0, 3e38]),
      float64: tensor("float64", [], Float64Array.of(Math.PI)),
      float16: tensor("float16", [1, 1, 2], Uint16Array.of(0x3c00, 0xfc00)),
      int32: tensor("int32", [2], Int32Array.of(-1, 2 ** 31 - 1)),
      int64: tensor("int64", [1], BigInt64Array.of(-(2n ** 63n))),
      empty: tensor("float32", [0, 4], new Float32Array(0)),
    };
    const back = read(writeSafetensors(tensors, { note: "größe" }));
    expect(back.metadata).toEqual({ note: "größe" });
    expect([...back.tensors.keys()]).toEqual(Object.keys(tensors));
    expect(Object.fromEntries([...back.tensors].map(([name, entry]) => [name, toTensor(entry)]))).toEqual(tensors);
  });

  test("widens bfloat16, small integers and float16", () => {
    expect(toTensor(one("BF16", [2], [0x80, 0x3f, 0x49, 0xc0]))).toEqual(
      tensor("float32", [2], Float32Array.of(1, -3.140625)),
    );
    expect([...toTensor(one("I8", [2], [255, 1])).data]).toEqual([-1, 1]);
    expect([...toTensor(one("U16", [1], [255, 255])).data]).toEqual([65535]);
    expect([...toTensor(one("U32", [1], [255, 255, 255, 255])).data]).toEqual([4294967295n]);
    expect([...toFloat32(one("F16", [2], [0, 0x3c, 0, 0xc0])).data]).toEqual([1, -2]);
    expect([...toFloat32(one("F64", [1], [0, 0, 0, 0, 0, 0, 0xf8, 0x3f])).data]).toEqual([1.5]);
  });

  test("shares memory with the file where it is aligned", () => {
    const bytes = writeSafetensors({ x: matrix([1, 2]) });
    expect(toTensor(read(bytes).tensors.get("x")!).data.buffer).toBe(bytes.buffer);
  });

  test("types without a host type are refused when asked for", () => {
    expect(complaint(() => toTensor(one("F8_E4M3", [1], [0])))).toMatch(/tensor "x": elements of type F8_E4M3/);
    expect(complaint(() => toFloat32(one("I32", [1], [0, 0, 0, 0])))).toMatch(/has type I32/);
  });

  test("any tensors and metadata come back", () => {
    const name = fc
      .string()
      .filter((text) => !["__metadata__", "__proto__", "constructor", "prototype"].includes(text));
    const values = fc
      .array(fc.float(), { maxLength: 9 })
      .map((all) => tensor("float32", [all.length], Float32Array.from(all)));
    fc.assert(
      fc.property(fc.dictionary(name, values), fc.dictionary(name, fc.string()), (tensors, metadata) => {
        const back = read(writeSafetensors(tensors, metadata));
        expect({ ...back.metadata }).toEqual({ ...metadata });
        for (const key of Object.keys(tensors)) expect(toTensor(back.tensors.get(key)!)).toEqual(tensors[key]);
        expect(back.tensors.size).toBe(Object.keys(tensors).length);
      }),
      { seed: 2 },
    );
  });
});

describe("a broken file is refused", () => {
  const entry = (from: number, to: number, dtype = "U8", shape: unknown = [to - from]) => ({
    ...{ dtype, shape },
    data_offsets: [from, to],
  });
  const cases: Record<string, [Uint8Array, RegExp]> = {
    "no length": [join([1, 2, 3]), /at least 8 bytes, this one 3/],
    "header beyond the file": [join([200, 0, 0, 0, 0, 0, 0, 0], ascii("{}")), /expected at least 208 bytes, found 10/],
    "absurd header": [join([0, 0, 0, 0, 1, 0, 0, 0]), /header of 4294967296 bytes, the format allows/],
    "no JSON": [file("{]"), /header is not JSON/],
    "bad UTF-8": [join([1, 0, 0, 0, 0, 0, 0, 0, 0xff]), /header is not JSON/],
    "a list": [file([]), /not a JSON object/],
    "metadata number": [file({ __metadata__: { a: 1 } }), /__metadata__ "a" is 1, not text/],
    "metadata list": [file({ __metadata__: [] }), /__metadata__ is not a JSON object/],
    "metadata __proto__": [file('{"__metadata__":{"__proto__":"x"}}'), /the name "__proto__" is not allowed/],
    "tensor __proto__": [
      file('{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
      /"__proto__" is not allowed/,
    ],
    "entry no object": [file({ x: null }), /tensor "x": its header entry is null/],
    "a dtype that is no text": [file({ x: { ...entry(0, 1), dtype: 4 } }, [0]), /dtype 4 is no text/],
    "complex numbers of another size": [
      file({ x: entry(0, 4, "C64", [1]) }, [0, 0, 0, 0]),
      /C64 of shape \[1\] takes 8 bytes.*give 4/,
    ],
    "negative size": [file({ x: entry(0, 1, "U8", [-1]) }, [0]), /shape \[-1\] is not a list of sizes/],
    "no shape": [file({ x: { dtype: "U8", data_offsets: [0, 0] } }), /shape missing/],
    "offsets reversed": [file({ x: entry(1, 0, "U8", [1]) }, [0]), /data_offsets \[1,0\] are not/],
    "shape and offsets": [
      file({ x: entry(0, 4, "F32", [2]) }, [0, 0, 0, 0]),
      /F32 of shape \[2\] takes 8 bytes.*give 4/,
    ],
    "more bytes than the shape": [file({ x: entry(0, 2, "U8", [1]) }, [0, 0]), /takes 1 bytes.*give 2/],
    "name of two lines": [file({ "a\nb": entry(1, 0, "U8", [1]) }, [0]), /tensor "a\\nb": data_offsets/],
    overlap: [
      file({ x: entry(0, 2), y: entry(1, 3) }, [0, 0, 0]),
      /"y" begins at byte 1, tensor "x" ends at 2: they overlap/,
    ],
    gap: [file({ x: entry(0, 1), y: entry(2, 3) }, [0, 0, 0]), /"y" begins at byte 2, tensor "x" ends at 1: a gap/],
    "gap at the start": [file({ x: entry(1, 2) }, [0, 0]), /"x" begins at byte 1, the header ends at 0: a gap/],
    truncated: [file({ x: entry(0, 9) }, [0]), /truncated, expected 70 bytes, found 62/],
    "bytes left over": [file({ x: entry(0, 1) }, [0, 0]), /expected 62 bytes, found 63: no tensor owns the rest/],
  };
  test.each(Object.entries(cases))("%s", (_, [bytes, message]) => {
    const text = complaint(() => read(bytes));
    expect(text).toMatch(message);
    expect(text).toMatch(/^a\.safetensors: /);
  });
});

describe("a tensor of a type that is not known stands beside the others", () => {
  const bytes = (dtype: string, size: number) => {
    const header = JSON.stringify({
      activations: { dtype: "F32", shape: [2, 1], data_offsets: [0, 8] },
      extra: { dtype, shape: [2, 1], data_offsets: [8, 8 + size] },
    });
    const acts = new Uint8Array(Float32Array.of(1, -2).buffer);
    return join([header.length, 0, 0, 0, 0, 0, 0, 0], ascii(header), acts, new Uint8Array(size));
  };
  test.each([
    ["F8_E8M0", 2],
    ["F4", 1],
    ["F6_E2M3", 2],
    ["C64", 16],
    ["toString", 3],
    ["of\u001b[2K tomorrow", 5],
  ])("%s", (dtype, size) => {
    const file = bytes(dtype, size);
    expect(readSafetensors(file, "a.safetensors").tensors.get("extra")).toMatchObject({ dtype, shape: [2, 1] });
    expect(parseActivations(file, "a.safetensors").activations).toEqual(matrix([1], [-2]));
    const named = JSON.stringify(dtype).slice(1, -1);
    expect(complaint(() => parseActivations(file, "a.safetensors", { tensor: "extra" }))).toBe(
      `a.safetensors: tensor "extra": needs floating-point elements, has type ${named}; save it as float32, float16, bfloat16 or float64`,
    );
    expect(complaint(() => readShardHeader(file, file.length, "a.safetensors", "extra"))).toBe(
      `a.safetensors: elements of type ${named} are not read by windows; save it as float32, float16 or bfloat16`,
    );
    expect(readShardHeader(file, file.length, "a.safetensors").shard).toMatchObject({ rows: 2, width: 1 });
  });
});
