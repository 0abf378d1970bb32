import { ConfigError } from "../util/errors.ts";
import { beyond, repeatedKey } from "../util/json.ts";
import { checkNotMistaken, otherKind } from "../util/mistaken.ts";
import { bytesOf, type DType, type HostTensor, sizeOf } from "../util/tensor.ts";
import { quote } from "./quote.ts";
import { elementBytes, type StoredArray } from "./stored.ts";

export { toFloat32, toTensor } from "./stored.ts";

/** What a .safetensors file holds. */
export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the file's header. */
  readonly tensors: ReadonlyMap<string, StoredArray>;
}

/** Longest header the format allows, and the longest that is read here, in bytes: that of a million values. */
const [formatHeader, maxHeader] = [100_000_000, 2 ** 24];

/** What a header may hold; the largest models have some thousand tensors a file. */
const bounds = { depth: 8, values: 2 ** 20 };
const [maxTensors, maxTexts] = [2 ** 16, 2 ** 14];

/** Names that could reach an object's prototype when used as keys. */
const forbidden = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Reads a .safetensors file; the tensors are views of its bytes.
 *
 * Source: https://github.com/huggingface/safetensors, "Format".
 * @throws {ConfigError} when the file is cut short or breaks the format: header, names, types, offsets, gaps, overlaps.
 */
export function readSafetensors(bytes: Uint8Array, file: string): SafetensorsFile {
  const { metadata, entries, start } = readSafetensorsHeader(bytes, bytes.length, file);
  const tensors = new Map<string, StoredArray>();
  for (const [name, { from, to, ...entry }] of entries)
    tensors.set(name, { ...entry, bytes: bytes.subarray(start + from, start + to) });
  return { metadata, tensors };
}

/** Where a tensor of a .safetensors file lies: bytes `from` to `to` after the header. */
export interface SafetensorsEntry extends Omit<StoredArray, "bytes"> {
  readonly from: number;
  readonly to: number;
}

/** Bytes of a .safetensors file up to the first tensor, from its first bytes, 8 at least. @throws {ConfigError} when there can be no such header. */
export function safetensorsStart(bytes: Uint8Array, size: number, file: string): number {
  checkNotMistaken(bytes, file);
  if (bytes.length < 8)
    throw new ConfigError(`${file}: a .safetensors file has at least 8 bytes, this one ${bytes.length}; get it again`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > maxHeader)
    throw new ConfigError(
      `${file}: ${otherKind(bytes, file, "a .safetensors file") ?? `header of ${length} bytes, the format allows ${formatHeader}, at most ${maxHeader} are read; is this a .safetensors file?`}`,
    );
  if (8 + length > size)
    throw new ConfigError(
      `${file}: truncated, expected at least ${8 + length} bytes, found ${size}; get the file again`,
    );
  return 8 + length;
}

/**
 * What the header of a .safetensors file of `size` bytes says; `bytes` need reach no further than the header.
 * @throws {ConfigError} as `readSafetensors`.
 */
export function readSafetensorsHeader(bytes: Uint8Array, size: number, file: string) {
  const { header, text, start } = readHeader(bytes, size, file);
  const metadata: Record<string, string> = {};
  const entries = new Map<string, SafetensorsEntry>();
  const named = Object.entries(header);
  if (named.length > maxTensors)
    throw new ConfigError(`${file}: ${named.length} tensors, at most ${maxTensors} are read; split the file`);
  // JSON.parse keeps the last of two and says nothing.
  const twice = repeatedKey(text);
  if (twice !== undefined)
    throw new ConfigError(`${file}: the header has ${quote(twice)} twice; write the file again, each name once`);
  for (const [name, entry] of named) {
    if (name === "__metadata__") {
      if (entry === null) continue;
      Object.assign(metadata, readMetadata(entry, file));
      continue;
    }
    checkName(name, file);
    const where = `${file}: tensor ${quote(name)}`;
    entries.set(name, { ...readEntry(entry, where), where });
  }
  const spans = [...entries].map(([name, { from, to }]) => ({ name, from, to }));
  checkSpans(spans, start, size, file);
  return { metadata, entries, start };
}

function readHeader(bytes: Uint8Array, size: number, file: string): { header: object; text: string; start: number } {
  const start = safetensorsStart(bytes, size, file);
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start));
    const excess = beyond(text, bounds);
    if (excess) throw new ConfigError(`${file}: the header ${excess}; is this a .safetensors file?`);
    header = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(
      `${file}: the header is not JSON (${quote((cause as Error).message)}); is this a .safetensors file?`,
    );
  }
  if (!isObject(header))
    throw new ConfigError(`${file}: the header is not a JSON object; is this a .safetensors file?`);
  return { header, text, start };
}

function readMetadata(entry: unknown, file: string): Record<string, string> {
  if (!isObject(entry)) throw new ConfigError(`${file}: __metadata__ is not a JSON object; write it as text by name`);
  const texts = Object.entries(entry);
  if (texts.length > maxTexts)
    throw new ConfigError(`${file}: __metadata__ has ${texts.length} texts, at most ${maxTexts} are read; shorten it`);
  for (const [key, value] of texts) {
    checkName(key, file);
    if (typeof value !== "string")
      throw new ConfigError(`${file}: __metadata__ ${quote(key)} is ${short(value)}, not text; write it as a string`);
  }
  return entry as Record<string, string>;
}

function readEntry(entry: unknown, where: string): { dtype: string; shape: number[]; from: number; to: number } {
  if (!isObject(entry)) throw new ConfigError(`${where}: its header entry is ${short(entry)}; write the file again`);
  const { dtype, shape, data_offsets: offsets } = entry as { [key: string]: unknown };
  if (typeof dtype !== "string")
    throw new ConfigError(`${where}: dtype ${short(dtype)} is no text; write the file again`);
  if (!isSizes(shape))
    throw new ConfigError(`${where}: shape ${short(shape)} is not a list of sizes; write the file again`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    throw new ConfigError(`${where}: data_offsets ${short(offsets)} are not [begin, end]; write the file again`);
  const [from, to] = offsets as [number, number];
  // The size of a type that is not known cannot be checked; whoever asks for such a tensor is told its type.
  const expected = Object.hasOwn(elementBytes, dtype) ? sizeOf(shape) * elementBytes[dtype]! : to - from;
  if (to - from !== expected)
    throw new ConfigError(
      `${where}: ${dtype} of shape [${shape.join(", ")}] takes ${expected} bytes, its data_offsets [${from}, ${to}] give ${to - from}; write the file again`,
    );
  return { dtype, shape, from, to };
}

/** Tensors must follow one another without gap or overlap, and end where the file ends. */
function checkSpans(spans: { name: string; from: number; to: number }[], start: number, size: number, file: string) {
  let at = 0;
  let before = "the header";
  for (const { name, from, to } of spans.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== at)
      throw new ConfigError(
        `${file}: tensor ${quote(name)} begins at byte ${from}, ${before} ends at ${at}: ${from < at ? "they overlap" : "a gap"}; write the file again`,
      );
    at = to;
    before = `tensor ${quote(name)}`;
  }
  if (start + at > size)
    throw new ConfigError(`${file}: truncated, expected ${start + at} bytes, found ${size}; get the file again`);
  if (start + at < size)
    throw new ConfigError(
      `${file}: expected ${start + at} bytes, found ${size}: no tensor owns the rest; write the file again`,
    );
}

const dtypes: { readonly [D in DType]: string } = {
  ...{ float32: "F32", float64: "F64", float16: "F16" },
  ...{ int32: "I32", int64: "I64", int8: "I8", bool: "BOOL" },
};

/**
 * The bytes of a .safetensors file: tensors in the order given (stored ones as they are), metadata sorted by key, header padded to 8 bytes.
 *
 * The same tensors and metadata give the same bytes.
 * @throws {ConfigError} when a name is `__metadata__` or one that could reach an object's prototype.
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, HostTensor | StoredArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(tensors).map(([name, one]) => [name, storedOf(one)] as const);
  const header: [string, unknown][] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) header.push(["__metadata__", Object.fromEntries(keys.map((key) => [key, metadata[key]]))]);
  for (const key of keys) checkName(key, "writeSafetensors");
  let size = 0;
  for (const [name, { dtype, shape, bytes }] of entries) {
    if (name === "__metadata__")
      throw new ConfigError('writeSafetensors: "__metadata__" is reserved; rename the tensor');
    checkName(name, "writeSafetensors");
    header.push([name, { dtype, shape, data_offsets: [size, size + bytes.length] }]);
    size += bytes.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  bytes.fill(0x20, 8 + text.length, start);
  let at = start;
  for (const [, one] of entries) {
    bytes.set(one.bytes, at);
    at += one.bytes.length;
  }
  return bytes;
}

const storedOf = (one: HostTensor | StoredArray): Omit<StoredArray, "where"> =>
  "bytes" in one ? one : { dtype: dtypes[one.dtype], shape: one.dims, bytes: bytesOf(one) };

function checkName(name: string, where: string): void {
  if (forbidden.has(name)) throw new ConfigError(`${where}: the name ${quote(name)} is not allowed; rename it`);
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= 64 && value.every((size) => Number.isSafeInteger(size) && size >= 0);

const short = (value: unknown): string => (JSON.stringify(value) ?? "missing").slice(0, 80);
