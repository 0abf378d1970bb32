import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { readInput } from "../../data/files.node.ts";
import { readNpz } from "../../data/npz.ts";
import { quote } from "../../data/quote.ts";
import { toTensor } from "../../data/stored.ts";
import { ConfigError } from "../../util/errors.ts";
import { readError } from "../../util/fileErrors.ts";
import { beyond } from "../../util/json.ts";
import { checkNotMistaken } from "../../util/mistaken.ts";
import { type HostTensor, sliceRows } from "../../util/tensor.ts";
import type { TextTokenizer } from "./tokenizer.ts";
import { utf8Parts } from "./utf8.node.ts";

/** A text as a model takes it. */
export interface EncodedText {
  /** Its number in the file, counted from 0. */
  readonly number: number;
  /** The text; none where ids were given. */
  readonly text: string | undefined;
  readonly ids: Int32Array;
  /** 1 where a token is special or filling. */
  readonly special: Uint8Array;
  /** See `offsetsOf`; none where ids were given. */
  readonly offsets: Int32Array | undefined;
  /** 1 where the file's own `mask` wants a row. */
  readonly mask: Uint8Array | undefined;
  /** What the file says of the text besides: numbers, texts, true and false, by their keys. Default: nothing. */
  readonly labels?: Labels | undefined;
  /** Further inputs of the model, of this text alone: arrays of an .npz by their names, without the axis of texts. */
  readonly inputs: Readonly<Record<string, HostTensor>>;
}

/** What is known of a text. */
export type Labels = Readonly<Record<string, string | number | boolean>>;

/** How texts are read. */
export interface TextOptions {
  /** What turns text into ids. Needed where the file gives text. */
  readonly tokenizer?: TextTokenizer | undefined;
  /** Key of the text in a .jsonl. Default: text. */
  readonly key?: string | undefined;
  /** Tokens after so many are cut off. */
  readonly maxTokens: number;
  /** Whether the special tokens that the tokenizer puts around a text are left out. Default: false. */
  readonly plain?: boolean | undefined;
  /** Only the first so many. Default: all. */
  readonly limit?: number | undefined;
}

/** Longest line read, in characters, and what it may hold. */
const maxLine = 2 ** 26;
const bounds = { depth: 64, values: 2 ** 23 };

/**
 * The texts of a file, one after another: of a .txt its lines, of a .jsonl its objects (`text`, or `input_ids`; and `mask`, one number a
 * token), of an .npz its `input_ids [texts, length]` (with `attention_mask` and `mask` where they are there). Empty ones have no tokens.
 * @throws {ConfigError} naming the line that cannot be taken.
 */
export async function* readTexts(file: string, options: TextOptions): AsyncGenerator<EncodedText> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  let number = 0;
  const all = /\.npz$/i.test(file) ? fromArrays(file, options) : fromLines(file, options);
  for await (const one of all) {
    if (number++ >= limit) return;
    yield cut(one, options.maxTokens);
  }
}

async function* fromLines(file: string, options: TextOptions): AsyncGenerator<EncodedText> {
  const isJson = /\.jsonl?$/i.test(file) || /\.ndjson$/i.test(file);
  const input = Readable.from(utf8Parts(file));
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  try {
    for await (const read of lines) {
      const line = number === 0 ? read.replace(/^\uFEFF/, "") : read;
      if (number === 0) checkNotMistaken(line, file);
      const where = `${file}: line ${number + 1}`;
      if (line.length > maxLine)
        throw new ConfigError(`${where} has ${line.length} characters, at most ${maxLine} are read; divide it`);
      if (!isJson) yield encoded(line, number, where, options);
      else if (line.trim() !== "") yield fromObject(line, number, where, options);
      else continue;
      number++;
    }
  } catch (error) {
    throw error instanceof ConfigError || !("code" in Object(error)) ? error : readError(file, error);
  } finally {
    lines.close();
    input.destroy();
  }
}

/** Keys of a .jsonl that mean something to a harvest, and names it gives what it writes. */
const ownKeys = new Set(
  "text input_ids attention_mask mask activations token token_id tokens text_id position layer start end".split(" "),
);
/** A longer text is no label: it would stand beside every token. */
const longestLabel = 1000;

/** What a line says of its text beside the text. */
function labelsIn(object: Readonly<Record<string, unknown>>, key: string): { readonly labels?: Labels } {
  const isLabel = (value: unknown) =>
    typeof value === "number" ||
    typeof value === "boolean" ||
    (typeof value === "string" && value.length <= longestLabel);
  const found = Object.entries(object).filter(([name, value]) => name !== key && !ownKeys.has(name) && isLabel(value));
  return found.length > 0 ? { labels: Object.fromEntries(found) as Labels } : {};
}

function fromObject(line: string, number: number, where: string, options: TextOptions): EncodedText {
  const excess = beyond(line, bounds);
  if (excess) throw new ConfigError(`${where} ${excess}; divide it`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ConfigError(`${where} is not JSON: ${quote(line)}; write one object a line`);
  }
  const object = (typeof value === "object" && value !== null ? value : { text: value }) as Record<string, unknown>;
  const key = options.key ?? "text";
  const mask =
    object.mask === undefined ? undefined : Uint8Array.from(numbers(object.mask, `${where}: "mask"`), Number);
  if (options.key === undefined && object.input_ids !== undefined) {
    const ids = Int32Array.from(numbers(object.input_ids, `${where}: "input_ids"`));
    const attended =
      object.attention_mask === undefined ? undefined : numbers(object.attention_mask, `${where}: "attention_mask"`);
    const text = given(ids, number, where, { mask, attended, tokenizer: options.tokenizer });
    return { ...text, ...labelsIn(object, key) };
  }
  const text = object[key];
  if (typeof text !== "string")
    throw new ConfigError(
      `${where} has no text ${quote(key)}, it has ${Object.keys(object).slice(0, 8).map(quote).join(", ")}; name its key with --text-key`,
    );
  return { ...withMask(encoded(text, number, where, options), mask, where), ...labelsIn(object, key) };
}

const numbers = (value: unknown, where: string): readonly number[] => {
  if (!Array.isArray(value) || !value.every((one) => Number.isSafeInteger(one) && one >= 0))
    throw new ConfigError(`${where} is no list of whole numbers; write one a token`);
  return value;
};

/** The one token of what is no text: a row a text is read of a model that takes no ids. */
const noToken = -1;

async function* fromArrays(file: string, { tokenizer }: TextOptions): AsyncGenerator<EncodedText> {
  const arrays = readNpz(await readInput(file), file);
  const tensors = new Map([...arrays].map(([name, array]) => [name, toTensor(array)]));
  const ids = tensors.get("input_ids");
  const first = ids ?? [...tensors.values()][0];
  if (!first) throw new ConfigError(`${file}: has no array; it needs input_ids [texts, length]`);
  if (ids && (ids.dims.length !== 2 || !/^int(32|64)$/.test(ids.dtype)))
    throw new ConfigError(
      `${file}: input_ids are ${ids.dtype} [${ids.dims.join(", ")}], need whole numbers [texts, length]`,
    );
  const texts = first.dims[0] ?? 0;
  for (const [name, { dims }] of tensors)
    if (dims[0] !== texts)
      throw new ConfigError(
        `${file}: ${name} is of ${dims[0] ?? "no"} texts, the first array of ${texts}; all need one entry a text`,
      );
  const row = (name: string, text: number) => {
    const found = tensors.get(name);
    return found && Array.from(sliceRows(found, text, text + 1).data as ArrayLike<number | bigint>, Number);
  };
  const own = ["input_ids", "attention_mask", "mask"];
  for (let text = 0; text < texts; text++) {
    const inputs = Object.fromEntries(
      [...tensors].flatMap(([name, whole]) => {
        if (own.includes(name)) return [];
        const { dtype, dims, data } = sliceRows(whole, text, text + 1);
        return [[name, { dtype, dims: dims.slice(1), data }]];
      }),
    );
    const mask = row("mask", text);
    const options = { mask: mask && Uint8Array.from(mask), attended: row("attention_mask", text), tokenizer, inputs };
    yield given(Int32Array.from(row("input_ids", text) ?? [noToken]), text, `${file}: text ${text}`, options);
  }
}

function encoded(text: string, number: number, where: string, { tokenizer, plain = false }: TextOptions): EncodedText {
  if (!tokenizer)
    throw new ConfigError(
      `${where}: is text, which needs a tokenizer; name a tokenizer.json with --tokenizer, or give ids`,
    );
  const tokens = text === "" ? undefined : tokenizer.encode(text, where, { plain });
  const none = { ids: new Int32Array(0), special: new Uint8Array(0), offsets: new Int32Array(0) };
  return { number, text, ...(tokens ?? none), mask: undefined, inputs: {} };
}

interface Given {
  readonly mask?: Uint8Array | undefined;
  readonly attended?: readonly number[] | undefined;
  readonly tokenizer?: TextTokenizer | undefined;
  readonly inputs?: Readonly<Record<string, HostTensor>>;
}

/** Ids as they were given, without the filling at their ends. @throws {ConfigError} where filling stands before or between tokens. */
function given(
  all: Int32Array,
  number: number,
  where: string,
  { mask, attended, tokenizer, inputs = {} }: Given,
): EncodedText {
  if (attended && attended.length !== all.length)
    throw new ConfigError(`${where}: ${attended.length} of attention_mask for ${all.length} ids; give one a token`);
  const length = attended ? attended.lastIndexOf(1) + 1 : all.length;
  if (attended?.slice(0, length).includes(0))
    throw new ConfigError(
      `${where}: filling stands before a token; fill up at the end, or give .jsonl without filling`,
    );
  const ids = all.slice(0, length);
  const special = Uint8Array.from(ids, (id) => Number(tokenizer?.special.has(id) ?? false));
  return withMask({ number, text: undefined, ids, special, offsets: undefined, mask: undefined, inputs }, mask, where);
}

function withMask(text: EncodedText, mask: Uint8Array | undefined, where: string): EncodedText {
  if (mask && mask.length < text.ids.length)
    throw new ConfigError(`${where}: a mask of ${mask.length} for ${text.ids.length} tokens; give one number a token`);
  return { ...text, mask };
}

/** The first tokens of a text that is too long. */
function cut(text: EncodedText, most: number): EncodedText {
  if (text.ids.length <= most) return text;
  const { ids, special, offsets } = text;
  return { ...text, ids: ids.slice(0, most), special: special.slice(0, most), offsets: offsets?.slice(0, 2 * most) };
}
