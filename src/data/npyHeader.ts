import { ConfigError } from "../util/errors.ts";
import { checkNotMistaken } from "../util/mistaken.ts";
import { quote } from "./quote.ts";

/** What the header of a .npy array says. */
export interface NpyHeader {
  /** Element type as NumPy spells it, e.g. `<f4`; `structured` for a record of several. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly start: number;
}

type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<string, Literal>;

/** Longest header accepted; NumPy's own limit for reading is 10,000. */
const maxHeader = 1 << 20;

/**
 * The header of a .npy array, versions 1 to 3.
 *
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @throws {ConfigError} when the bytes are no .npy array, cut short, or the header is not the expected literal.
 */
export function readNpyHeader(bytes: Uint8Array, where: string): NpyHeader {
  const { from, start } = npyStart(bytes, where);
  if (start > bytes.length)
    throw new ConfigError(
      `${where}: truncated, expected at least ${start} bytes, found ${bytes.length}; get the file again`,
    );
  const text = new TextDecoder(bytes[6] === 3 ? "utf-8" : "latin1").decode(bytes.subarray(from, start));
  return { ...fields(parseLiteral(text, where), where), start };
}

/** Where the header of a .npy array and its elements begin, from its first 12 bytes. @throws {ConfigError} when it is none. */
export function npyStart(bytes: Uint8Array, where: string): { readonly from: number; readonly start: number } {
  checkNotMistaken(bytes, where);
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte))
    throw new ConfigError(`${where}: not a .npy array (${bytes.length} bytes, no NUMPY mark); save it with numpy.save`);
  const version = bytes[6]!;
  if (version < 1 || version > 3)
    throw new ConfigError(`${where}: .npy version ${version}.${bytes[7]} is unknown; versions 1 to 3 are read`);
  const from = version === 1 ? 10 : 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : bytes.length < 12 ? 0 : view.getUint32(8, true);
  if (length > maxHeader)
    throw new ConfigError(`${where}: .npy header of ${length} bytes, at most ${maxHeader} are read`);
  return { from, start: from + length };
}

function fields(header: Literal, where: string): Omit<NpyHeader, "start"> {
  const get = (key: string) => (header instanceof Map ? (header.get(key) as Literal | undefined) : undefined);
  const descr = get("descr");
  const order = get("fortran_order");
  const shape = get("shape");
  if (descr === undefined || typeof order !== "boolean" || !isShape(shape))
    throw new ConfigError(
      `${where}: the .npy header lacks a usable descr, fortran_order or shape; save it with numpy.save`,
    );
  return { descr: typeof descr === "string" ? descr : "structured", fortranOrder: order, shape };
}

const isShape = (value: Literal | undefined): value is readonly number[] =>
  Array.isArray(value) && value.length <= 64 && value.every((size) => Number.isSafeInteger(size) && size >= 0);

/** A Python literal of dicts, tuples, lists, strings without escapes, integers, True, False and None; nothing is evaluated. */
function parseLiteral(text: string, where: string): Literal {
  const tokens = text.match(/'[^'\\]*'|"[^"\\]*"|-?\d+L?|True|False|None|[{}()[\],:]|[^\s]/g) ?? [];
  let at = 0;
  const fail = (): never => {
    throw new ConfigError(
      `${where}: cannot read the .npy header at ${quote(tokens[at] ?? "its end")}; save it with numpy.save`,
    );
  };
  const expect = (token: string) => (tokens[at] === token ? at++ : fail());
  const list = <T>(close: string, one: () => T): T[] => {
    const items: T[] = [];
    while (tokens[at] !== close) {
      items.push(one());
      if (tokens[at] !== close) expect(",");
    }
    at++;
    return items;
  };
  const value = (depth: number): Literal => {
    const token = tokens[at] ?? fail();
    if (depth > 8) fail();
    const quote = token[0];
    if ((quote === "'" || quote === '"') && token.length > 1) return tokens[at++]!.slice(1, -1);
    if (/^-?\d/.test(token)) return Number.parseInt(tokens[at++]!, 10);
    at++;
    if (token === "True") return true;
    if (token === "False") return false;
    if (token === "None") return null;
    if (token === "(") return list(")", () => value(depth + 1));
    if (token === "[") return list("]", () => value(depth + 1));
    if (token === "{") return new Map(list("}", () => pair(depth + 1)));
    at--;
    return fail();
  };
  const pair = (depth: number): [string, Literal] => {
    const key = value(depth);
    if (typeof key !== "string") fail();
    expect(":");
    return [key as string, value(depth)];
  };
  const result = value(0);
  if (at < tokens.length) fail();
  return result;
}
