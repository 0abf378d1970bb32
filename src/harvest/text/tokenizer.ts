import { Tokenizer } from "@huggingface/tokenizers";
import { ConfigError } from "../../util/errors.ts";
import { offsetsOf } from "./offsets.ts";
import { surfaceOf, type Writing, writingOf } from "./surfaces.ts";

/** The tokens of a text. */
export interface Tokens {
  readonly ids: Int32Array;
  /** 1 where a token is a special one: a beginning, an end, a separator. */
  readonly special: Uint8Array;
  /** `[2 · tokens]`: see `offsetsOf`. */
  readonly offsets: Int32Array;
}

/** A tokenizer.json, ready to use. */
export interface TextTokenizer {
  readonly file: string;
  /** Most tokens of a text that its model is made for, where its files say so. */
  readonly longest?: number | undefined;
  /** Special tokens by their ids. */
  readonly special: ReadonlyMap<number, string>;
  /** The text of a token, for people: ` the`. */
  readonly show: (id: number) => string;
  /** The text of tokens that follow one another. */
  readonly text: (ids: readonly number[]) => string;
  /** The ids of a text, with the special tokens around it that the tokenizer puts there unless `plain`. @throws {ConfigError} where it cannot. */
  readonly encode: (text: string, where: string, options?: { readonly plain?: boolean }) => Tokens;
}

/**
 * The tokenizer that a tokenizer.json describes; `config` is what its tokenizer_config.json says, where there is one.
 * @throws {ConfigError} when it is none that can be used.
 */
export function tokenizerIn(
  own: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
  file: string,
): TextTokenizer {
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(own, config);
  } catch (error) {
    throw new ConfigError(
      `${file}: not a tokenizer that can be used (${(error as Error).message}); give a tokenizer.json`,
    );
  }
  const added = own.added_tokens as readonly { id: number; content: string; special?: boolean }[] | undefined;
  const special = new Map((added ?? []).flatMap((one) => (one.special ? [[one.id, one.content] as const] : [])));
  return { ...usable(tokenizer, writingOf(own), special, file), longest: longestOf(own, config) };
}

/**
 * `model_max_length` of a tokenizer_config.json, else where a tokenizer.json cuts. transformers writes 10^30 for a model that has no
 * longest text.
 */
function longestOf(own: Readonly<Record<string, unknown>>, config: Readonly<Record<string, unknown>>) {
  const { max_length } = Object(own.truncation) as { max_length?: unknown };
  const longest = config.model_max_length ?? max_length;
  return Number.isSafeInteger(longest) && (longest as number) > 0 ? (longest as number) : undefined;
}

function usable(
  tokenizer: Tokenizer,
  writing: Writing,
  special: ReadonlyMap<number, string>,
  file: string,
): TextTokenizer {
  const surfaces = new Map<number, Uint8Array>();
  const around = putAround(tokenizer);
  const surface = (id: number): Uint8Array => {
    const known = surfaces.get(id) ?? surfaceOf(tokenizer.id_to_token(id) ?? "", writing);
    surfaces.set(id, known);
    return known;
  };
  return {
    file,
    special,
    show: (id) => special.get(id) ?? new TextDecoder().decode(surface(id)),
    // A letter may be divided among tokens.
    text: (ids) => new TextDecoder().decode(Uint8Array.from(ids.flatMap((id) => [...surface(id)]))),
    encode(text, where, { plain = false } = {}) {
      // What JavaScript calls a string may hold halves of letters, which no UTF-8 has.
      if (/\p{Surrogate}/u.test(text))
        throw new ConfigError(`${where}: has half a letter in it (a lone surrogate); save it as UTF-8`);
      let ids: readonly number[];
      try {
        ids = tokenizer.encode(text, { add_special_tokens: !plain }).ids;
      } catch (error) {
        throw new ConfigError(`${where}: ${baseOf(file)} cannot take it (${(error as Error).message}); leave it out`);
      }
      const unknown = ids.find((id) => !Number.isSafeInteger(id));
      if (unknown !== undefined || ids.length !== ids.filter(Number.isSafeInteger).length)
        throw new ConfigError(`${where}: ${baseOf(file)} has no id for a part of it; leave it out`);
      const [before, after] = plain ? [0, 0] : around;
      return {
        ids: Int32Array.from(ids),
        special: Uint8Array.from(ids, (id) => Number(special.has(id))),
        offsets: offsetsOf(
          text,
          ids.map((id, i) => {
            if (i < before || i >= ids.length - after) return undefined;
            return { bytes: surface(id), isWhole: special.has(id) };
          }),
        ),
      };
    },
  };
}

/** How many special tokens a tokenizer puts before a text and behind it. */
function putAround(tokenizer: Tokenizer): readonly [number, number] {
  const idsOf = (special: boolean): readonly number[] => tokenizer.encode("a", { add_special_tokens: special }).ids;
  const [whole, own] = [idsOf(true), idsOf(false)];
  const before = whole.findIndex((_, from) => own.every((id, i) => whole[from + i] === id));
  return before < 0 ? [0, 0] : [before, whole.length - own.length - before];
}

/** A file's name without its folder. */
const baseOf = (file: string): string => file.replace(/^.*[\\/]/, "");
