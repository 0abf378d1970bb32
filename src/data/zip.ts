import { Inflate, inflateSync } from "fflate";
import { ConfigError } from "../util/errors.ts";
import { checkNotMistaken } from "../util/mistaken.ts";
import { crc32 } from "./crc32.ts";
import { quote } from "./quote.ts";

/** One member of a ZIP archive, as its directory describes it. */
export interface ZipMember {
  readonly name: string;
  /** Bytes after decompression, as the directory claims. */
  readonly size: number;
  /**
   * The member's bytes: a view where it is stored, a new array where it is deflated.
   * @throws {ConfigError} when the data is corrupt: stream, size or checksum.
   */
  read(): Uint8Array;
  /** Its first bytes, at least `count` where it has so many, without the rest, and so without its checksum. */
  start(count: number): Uint8Array;
}

const signatures = { end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50, entry: 0x02014b50, local: 0x04034b50 };

/** Most members of an archive; each takes time, however small it is. */
const maxMembers = 2 ** 14;

/** Deflate expands at most 1032 times: 258 bytes from two bits. */
const maxRatio = 1032;

/**
 * The members of a ZIP archive, from its directory; ZIP64 included, nothing is decompressed yet.
 *
 * Folders are left out. Source: PKWARE APPNOTE.TXT, 4.3.
 * @throws {ConfigError} when the archive is cut short or corrupt, encrypted, or its members together exceed `maxBytes`.
 */
export function readZip(bytes: Uint8Array, file: string, maxBytes: number): readonly ZipMember[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readDirectory(bytes, 0, file, maxBytes).map((entry) => ({
    name: entry.name,
    size: entry.size,
    read: () => readMember(view, bytes, entry, corruptIn(file)),
    start: (count) => startOf(view, bytes, entry, count, corruptIn(file)),
  }));
}

const corruptIn = (file: string) => (what: string) =>
  new ConfigError(`${file}: corrupt archive, ${what}; get the file again`);

/**
 * The members of an archive of which only the end is at hand: `bytes` are the file's from byte `base` on. Checks as `readZip`.
 * @throws {ConfigError} also when the directory begins before `base`.
 */
export function readDirectory(bytes: Uint8Array, base: number, file: string, maxBytes: number): readonly ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const corrupt = corruptIn(file);
  if (base === 0) checkNotMistaken(bytes, file);
  const directory = findDirectory(view, base, corrupt);
  if (directory.count > maxMembers)
    throw new ConfigError(
      `${file}: an archive of ${directory.count} members, at most ${maxMembers} are read; split it`,
    );
  const entries: ZipEntry[] = [];
  let at = directory.offset - base;
  if (at < 0) throw corrupt(`its directory begins at byte ${directory.offset}, too far from the end`);
  let total = 0;
  let packed = 0;
  for (let i = 0; i < directory.count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== signatures.entry)
      throw corrupt(`directory entry ${i + 1} of ${directory.count} is missing at byte ${base + at}`);
    const entry = readEntry(view, at, corrupt);
    at = entry.end;
    if (entry.name.endsWith("/")) continue;
    const where = `${file}: ${quote(entry.name)}`;
    if (entry.encrypted) throw new ConfigError(`${where}: is encrypted; save the archive without a password`);
    if (entry.method !== 0 && entry.method !== 8)
      throw new ConfigError(`${where}: compression method ${entry.method} is not supported; save it with numpy.savez`);
    if (entry.method === 0 ? entry.size !== entry.packed : entry.size > entry.packed * maxRatio)
      throw corrupt(`${quote(entry.name)} claims ${entry.size} bytes from ${entry.packed}`);
    total += entry.size;
    packed += entry.packed;
    // Members that share their bytes would be decompressed over and over.
    if (packed > base + bytes.length)
      throw corrupt(
        `its members up to ${quote(entry.name)} claim ${packed} of the file's ${base + bytes.length} bytes`,
      );
    if (total > maxBytes)
      throw new ConfigError(
        `${file}: its arrays take more than ${maxBytes} bytes decompressed (${total} up to ${quote(entry.name)}); split the file`,
      );
    entries.push(entry);
  }
  return entries;
}

/** Bytes of a member's own header before its name. */
export const localHeaderBytes = 30;

/** Where a stored member's data begin in the file, from its own header at `entry.offset`. @throws {ConfigError} when it is none. */
export function dataOffset(header: Uint8Array, entry: ZipEntry, size: number, file: string): number {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (header.length < localHeaderBytes || view.getUint32(0, true) !== signatures.local)
    throw corruptIn(file)(`${quote(entry.name)} is not at byte ${entry.offset}`);
  const from = entry.offset + localHeaderBytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (from + entry.packed > size)
    throw corruptIn(file)(`${quote(entry.name)} ends at byte ${from + entry.packed}, the file has ${size}`);
  return from;
}

type Corrupt = (what: string) => ConfigError;

/** A member as the directory describes it: where its header is, its bytes in the file and decompressed. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly encrypted: boolean;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
  readonly end: number;
}

function findDirectory(view: DataView, base: number, corrupt: Corrupt): { offset: number; count: number } {
  // The end record is 22 bytes and a comment of up to 65,535.
  const first = Math.max(0, view.byteLength - 22 - 0xffff);
  let end = view.byteLength - 22;
  while (end >= first && view.getUint32(end, true) !== signatures.end) end--;
  if (end < first) throw corrupt(`no directory at the end of its ${view.byteLength} bytes`);
  const count = view.getUint16(end + 10, true);
  const offset = view.getUint32(end + 16, true);
  if (count !== 0xffff && offset !== 0xffffffff) return { offset, count };
  if (end < 20 || view.getUint32(end - 20, true) !== signatures.locator64) return { offset, count };
  const at = Number(view.getBigUint64(end - 12, true)) - base;
  if (at < 0 || at + 56 > view.byteLength || view.getUint32(at, true) !== signatures.end64)
    throw corrupt(`no ZIP64 directory at byte ${base + at}`);
  return { count: Number(view.getBigUint64(at + 32, true)), offset: Number(view.getBigUint64(at + 48, true)) };
}

function readEntry(view: DataView, at: number, corrupt: Corrupt): ZipEntry {
  const nameLength = view.getUint16(at + 28, true);
  const extraLength = view.getUint16(at + 30, true);
  const extra = at + 46 + nameLength;
  const end = extra + extraLength + view.getUint16(at + 32, true);
  if (end > view.byteLength) throw corrupt(`a directory entry ends at byte ${end} of ${view.byteLength}`);
  const wide = zip64Numbers(view, extra, extra + extraLength);
  // Each 32-bit field of all ones is replaced by the next ZIP64 number.
  const number = (offset: number) => {
    const value = view.getUint32(offset, true);
    return value === 0xffffffff ? (wide.shift() ?? value) : value;
  };
  const size = number(at + 24);
  const packed = number(at + 20);
  const offset = number(at + 42);
  return {
    name: new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameLength)),
    method: view.getUint16(at + 10, true),
    encrypted: (view.getUint16(at + 8, true) & 1) === 1,
    crc: view.getUint32(at + 16, true),
    ...{ packed, size, offset, end },
  };
}

function zip64Numbers(view: DataView, from: number, to: number): number[] {
  const numbers: number[] = [];
  for (let at = from; at + 4 <= to; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    const end = Math.min(to, at + 4 + view.getUint16(at + 2, true));
    for (let each = at + 4; each + 8 <= end; each += 8) numbers.push(Number(view.getBigUint64(each, true)));
    return numbers;
  }
  return numbers;
}

/** A member's bytes as they lie in the archive. */
function packedOf(view: DataView, bytes: Uint8Array, { name, offset, packed }: ZipEntry, corrupt: Corrupt): Uint8Array {
  if (offset + 30 > bytes.length || view.getUint32(offset, true) !== signatures.local)
    throw corrupt(`${quote(name)} is not at byte ${offset}`);
  const from = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (from + packed > bytes.length)
    throw corrupt(`${quote(name)} ends at byte ${from + packed}, the file has ${bytes.length}`);
  return bytes.subarray(from, from + packed);
}

function readMember(view: DataView, bytes: Uint8Array, entry: ZipEntry, corrupt: Corrupt): Uint8Array {
  const data = packedOf(view, bytes, entry, corrupt);
  const out = entry.method === 0 ? data : inflate(data, entry.size, entry.name, corrupt);
  if (crc32(out) !== entry.crc) throw corrupt(`the checksum of ${quote(entry.name)} does not match`);
  return out;
}

/** Packed bytes given to the decompressor at a time, where only the first bytes are wanted. */
const step = 128;

function startOf(view: DataView, bytes: Uint8Array, entry: ZipEntry, count: number, corrupt: Corrupt): Uint8Array {
  const data = packedOf(view, bytes, entry, corrupt);
  if (entry.method === 0) return data.subarray(0, count);
  const out = new Uint8Array(Math.min(count, entry.size));
  let filled = 0;
  const stream = new Inflate((part) => {
    out.set(part.subarray(0, out.length - filled), filled);
    filled += Math.min(part.length, out.length - filled);
  });
  try {
    for (let at = 0; filled < out.length && at < data.length; at += step) stream.push(data.subarray(at, at + step));
  } catch (cause) {
    throw corrupt(`${quote(entry.name)} does not decompress (${(cause as Error).message})`);
  }
  return out.subarray(0, filled);
}

function inflate(data: Uint8Array, size: number, name: string, corrupt: Corrupt): Uint8Array {
  let out: Uint8Array;
  try {
    out = inflateSync(data, { out: new Uint8Array(size) });
  } catch (cause) {
    throw corrupt(`${quote(name)} does not decompress to ${size} bytes (${(cause as Error).message})`);
  }
  if (out.length !== size) throw corrupt(`${quote(name)} decompresses to ${out.length} bytes, not ${size}`);
  return out;
}
