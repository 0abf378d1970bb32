import { describe, expect, test } from "vitest";
import { readNpy, writeNpy } from "../../src/data/npy.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { ascii, complaint, join, matrix } from "./helpers.ts";

/** A file by hand: mark, version, header length, the header as given, the data. */
const file = (header: string, data: readonly number[] = [], version = 1) =>
  join(
    [0x93, ...ascii("NUMPY"), version, 0],
    [header.length & 255, header.length >> 8, ...(version === 1 ? [] : [0, 0])],
    ascii(header),
    data,
  );
const header = (descr: string, shape: string, order = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
const read = (bytes: Uint8Array) => readNpy(bytes, "a.npy");
const values = (bytes: Uint8Array) => [...read(bytes).data];

describe("reading", () => {
  test("every element type, little- and big-endian", () => {
    expect(values(file(header("<f4", "(2,)"), [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]))).toEqual([1, -2]);
    expect(values(file(header(">f4", "(1,)"), [0x3f, 0x80, 0, 0]))).toEqual([1]);
    expect(values(file(header(">f8", "()"), [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]))).toEqual([1.5]);
    expect(values(file(header(">f2", "(1,)"), [0x3c, 0x00]))).toEqual([0x3c00]);
    expect(values(file(header("<i4", "(1,)"), [254, 255, 255, 255]))).toEqual([-2]);
    expect(values(file(header(">i8", "(1,)"), [0, 0, 0, 0, 0, 0, 1, 0]))).toEqual([256n]);
    expect(values(file(header("|u1", "(2,)"), [0, 255]))).toEqual([0, 255]);
    expect(values(file(header("|b1", "(2,)"), [0, 1]))).toEqual([0, 1]);
    expect(values(file(header("<V2", "(1,)"), [0x80, 0x3f]))).toEqual([1]);
  });

  test("column-major arrays are put in rows, in two and three dimensions", () => {
    expect(values(file(header("|u1", "(2, 3)", "True"), [1, 4, 2, 5, 3, 6]))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(values(file(header(">i2", "(2, 2)", "True"), [0, 1, 0, 3, 0, 2, 1, 4]))).toEqual([1, 2, 3, 260]);
    expect(values(file(header("|u1", "(2, 2, 2)", "True"), [0, 4, 2, 6, 1, 5, 3, 7]))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7,
    ]);
  });

  test("versions 2 and 3, other spacing and key order, Python 2's long integers", () => {
    expect(values(file(header("|u1", "(1,)"), [7], 2))).toEqual([7]);
    expect(values(file(header("|u1", "(1,)"), [7], 3))).toEqual([7]);
    expect(read(file('{"shape":(1L,1L),"fortran_order":False,"descr":"|u1"}', [7])).dims).toEqual([1, 1]);
  });
});

describe("writing", () => {
  test("gives NumPy's bytes", () => {
    const bytes = writeNpy(matrix([1, 2, 3]));
    const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }";
    expect(bytes.subarray(0, 128)).toEqual(
      join([0x93, ...ascii("NUMPY"), 1, 0, 118, 0], ascii(`${text.padEnd(117)}\n`)),
    );
    expect(bytes.length).toBe(140);
  });

  test("every type and shape comes back", () => {
    const all: HostTensor[] = [
      matrix([1.5, -0], [Number.NaN, 3e38]),
      tensor("float64", [], Float64Array.of(Math.PI)),
      tensor("float16", [2], Uint16Array.of(0x3c00, 0xfc00)),
      tensor("int32", [1, 1, 2], Int32Array.of(-1, 5)),
      tensor("int64", [1], BigInt64Array.of(-(2n ** 63n))),
      tensor("bool", [0, 3], new Uint8Array(0)),
    ];
    for (const each of all) expect(read(writeNpy(each))).toEqual(each);
  });
});

describe("a broken file is refused", () => {
  const cases: Record<string, [Uint8Array, RegExp]> = {
    empty: [new Uint8Array(0), /not a \.npy array \(0 bytes/],
    "other file": [ascii("PK\u0003\u0004 something else"), /not a \.npy array/],
    version: [file(header("<f4", "(0,)"), [], 9), /version 9\.0 is unknown/],
    "header beyond the file": [file(header("<f4", "(0,)")).subarray(0, 40), /expected at least \d+ bytes, found 40/],
    "long header": [join([0x93, ...ascii("NUMPY"), 2, 0, 0, 0, 0, 0x7f]), /header of 2130706432 bytes/],
    "data cut short": [
      file(header("<f4", "(2, 2)"), [1, 2, 3]),
      /truncated, <f4 of shape \(2, 2\) takes 16 bytes.*found 3/,
    ],
    "data too long": [file(header("|u1", "(1,)"), [1, 2]), /too long, .* takes 1 bytes.*found 2/],
    strings: [file(header("<U5", "(1,)"), new Array(20).fill(0)), /elements of type <U5 are not supported/],
    objects: [file(header("|O", "(1,)"), [0x80, 4]), /elements of type \|O/],
    structured: [file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,), }"), /type structured/],
    unsigned64: [file(header("<u8", "(0,)")), /elements of type U64/],
    call: [file("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,), }"), /cannot read .* at "_"/],
    "no dict": [file("(1, 2)"), /lacks a usable descr/],
    "no shape": [file("{'descr': '<f4', 'fortran_order': False}"), /lacks a usable descr, fortran_order or shape/],
    "negative shape": [file(header("<f4", "(-1,)")), /lacks a usable/],
    "huge shape": [file(header("<f4", "(99999999999999999999,)")), /lacks a usable/],
    "65 dimensions": [file(header("<f4", `(${"1,".repeat(65)})`), [0, 0, 0, 0]), /lacks a usable/],
    "more after it": [file(`${header("|u1", "(1,)")} 1`, [1]), /cannot read .* at "1"/],
    "deep nesting": [file(`${"(".repeat(60000)}`), /cannot read/],
    "unclosed string": [file("{'descr: 1}"), /cannot read/],
  };
  test.each(Object.entries(cases))("%s", (_, [bytes, message]) => {
    const text = complaint(() => read(bytes));
    expect(text).toMatch(message);
    expect(text).toMatch(/^a\.npy: /);
  });
});
