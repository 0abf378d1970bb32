import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { crc32 } from "../../src/data/crc32.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { readNpz } from "../../src/data/npz.ts";
import { toTensor } from "../../src/data/stored.ts";
import { tensor } from "../../src/util/tensor.ts";
import { ascii, complaint, join, matrix } from "./helpers.ts";

const acts = matrix([1, 2, 3], [4, 5, 6]);
const zeros = tensor("float32", [4096], new Float32Array(4096));
const zip = (
  level: 0 | 9,
  members: Record<string, Uint8Array> = { "acts.npy": writeNpy(acts), "zeros.npy": writeNpy(zeros) },
) => zipSync(members, { level });
/** The arrays, all decompressed. */
function read(bytes: Uint8Array, maxBytes?: number) {
  const arrays = readNpz(bytes, "a.npz", maxBytes === undefined ? {} : { maxBytes });
  for (const { bytes: all } of arrays.values()) expect(all).toBeInstanceOf(Uint8Array);
  return arrays;
}

/** The archive with the 32-bit number at an offset of its first directory entry replaced. */
function patched(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = bytes.slice();
  const at = copy.findIndex(
    (_, i) => copy[i] === 0x50 && copy[i + 1] === 0x4b && copy[i + 2] === 1 && copy[i + 3] === 2,
  );
  new DataView(copy.buffer).setUint32(at + offset, value, true);
  return copy;
}

test("CRC-32 of the standard check string, whatever its alignment", () => {
  expect(crc32(ascii("123456789"))).toBe(0xcbf43926);
  expect(crc32(ascii("x123456789y").subarray(1, 10))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0))).toBe(0);
});

test.each([0, 9] as const)("arrays come back by name, compression level %d", (level) => {
  const arrays = read(zip(level));
  expect([...arrays.keys()]).toEqual(["acts", "zeros"]);
  expect(toTensor(arrays.get("acts")!)).toEqual(acts);
  expect(toTensor(arrays.get("zeros")!)).toEqual(zeros);
});

test("an archive with a comment after its end is read", () => {
  const bytes = zip(9);
  const commented = join(bytes, ascii("hello"));
  commented[bytes.length - 2] = 5;
  expect(read(commented).size).toBe(2);
});

/** The archive of one stored member with every size, offset and count in ZIP64 fields, as archives beyond 4 GiB have. */
function zip64(name: string, data: Uint8Array): Uint8Array {
  const plain = zipSync({ [name]: data }, { level: 0 });
  const entry = plain.length - 22 - 46 - name.length;
  const directory = new Uint8Array(46 + name.length + 28);
  directory.set(plain.subarray(entry, entry + 46 + name.length));
  const view = new DataView(directory.buffer);
  for (const at of [20, 24, 42]) view.setUint32(at, 0xffffffff, true);
  view.setUint16(30, 28, true);
  const extra = 46 + name.length;
  view.setUint32(extra, 0x180001, true);
  [data.length, data.length, 0].forEach((value, i) => {
    view.setBigUint64(extra + 4 + 8 * i, BigInt(value), true);
  });
  const end = new DataView(new ArrayBuffer(56 + 20 + 22));
  end.setUint32(0, 0x06064b50, true);
  end.setBigUint64(32, 1n, true);
  end.setBigUint64(48, BigInt(entry), true);
  end.setUint32(56, 0x07064b50, true);
  end.setBigUint64(64, BigInt(entry + directory.length), true);
  end.setUint32(76, 0x06054b50, true);
  end.setUint32(86, 0xffffffff, true);
  end.setUint32(92, 0xffffffff, true);
  return join(plain.subarray(0, entry), directory, new Uint8Array(end.buffer));
}

test("ZIP64 fields are used", () => {
  const bytes = zip64("acts.npy", writeNpy(acts));
  expect(toTensor(read(bytes).get("acts")!)).toEqual(acts);
  const lost = bytes.slice();
  lost[bytes.length - 30] = 0xff;
  expect(complaint(() => read(lost))).toMatch(/no ZIP64 directory at byte/);
});

test("two arrays of the same name are refused", () => {
  const bytes = zip(0, { "a.npy": writeNpy(acts), "b.npy": writeNpy(acts) });
  bytes.forEach((byte, i) => {
    if (byte === 0x62 && bytes[i + 1] === 0x2e) bytes[i] = 0x61;
  });
  expect(complaint(() => read(bytes))).toMatch(/array "a" is there twice/);
});

test("members that are no arrays and folders are passed over; strings are listed, not read", () => {
  const strings = writeNpy(tensor("int32", [1], Int32Array.of(65)));
  const patchedDescr = join(strings);
  patchedDescr.set(ascii("<U1"), 21);
  const arrays = read(zip(0, { "notes.txt": ascii("hi"), "sub/": new Uint8Array(0), "texts.npy": patchedDescr }));
  expect([...arrays.keys()]).toEqual(["texts"]);
  expect(arrays.get("texts")).toMatchObject({ dtype: "<U1", shape: [1] });
});

describe("a broken or too large archive is refused", () => {
  const good = zip(9);
  const stored = zip(0);
  const flipped = stored.slice();
  flipped[140] = flipped[140]! ^ 1;
  const crc = 16;
  const cases: Record<string, [Uint8Array, RegExp]> = {
    "no archive": [ascii("not a zip file at all, really"), /no directory at the end of its 29 bytes/],
    "cut short": [good.subarray(0, good.length - 30), /no directory at the end/],
    "flipped bit in an array": [flipped, /checksum of "acts\.npy" does not match/],
    "wrong checksum": [patched(good, crc, 1), /checksum of "acts\.npy"/],
    "absurd size": [patched(good, 24, 0xfffffff0), /"acts\.npy" claims 4294967280 bytes from/],
    "size too small": [patched(good, 24, 150), /checksum of "acts\.npy"/],
    "size too large": [patched(good, 24, 153), /decompresses to 152 bytes, not 153/],
    "stored size": [patched(stored, 24, 10), /"acts\.npy" claims 10 bytes from 152/],
    "no member there": [patched(good, 42, 5), /"acts\.npy" is not at byte 5/],
    "member beyond the file": [patched(good, 42, 0x7fffffff), /"acts\.npy" is not at byte/],
    encrypted: [patched(good, 8, 0x80001), /"acts\.npy": is encrypted/],
    "other compression": [patched(good, 10, 12), /compression method 12/],
  };
  test.each(Object.entries(cases))("%s", (_, [bytes, message]) => {
    const text = complaint(() => read(bytes));
    expect(text).toMatch(message);
    expect(text).toMatch(/^a\.npz: /);
  });

  test("many members of the same bytes", () => {
    const one = zip(9, { "a.npy": writeNpy(zeros) });
    const at = one.length - 22;
    const start = new DataView(one.buffer, one.byteOffset).getUint32(at + 16, true);
    const entry = one.subarray(start, at);
    const entries = Array.from({ length: 40 }, (_, i) => {
      const copy = entry.slice();
      copy[46] = 0x61 + (i % 26);
      return copy;
    });
    const end = one.slice(at);
    new DataView(end.buffer).setUint16(10, entries.length, true);
    const bytes = join(one.subarray(0, start), ...entries, end);
    expect(complaint(() => read(bytes))).toMatch(/its members up to "[a-z]\.npy" claim \d+ of the file's \d+ bytes/);
  });

  test("the bound counts all arrays, before decompressing", () => {
    const size = 152 + 128 + 4 * 4096;
    expect(read(good, size).size).toBe(2);
    expect(complaint(() => read(good, size - 1))).toMatch(
      /more than 16663 bytes decompressed \(16664 up to "zeros\.npy"\)/,
    );
    expect(complaint(() => read(patched(good, crc, 1), 10))).toMatch(/more than 10 bytes/);
  });
});
