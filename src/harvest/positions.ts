import { ConfigError } from "../util/errors.ts";
import { random } from "../util/random.ts";

/** Which tokens of each text are wanted. */
export type Positions =
  | { readonly of: "all" | "last" | "random" | "mask" }
  /** From the first to the last, both included; counted from the end where negative. */
  | { readonly of: "range"; readonly from: number; readonly to: number };

/**
 * The positions of `all`, `last`, `random` (one of each text), `mask` (what the file of texts says), `3`, `-2` (the last but one), `1..` or `1..5`.
 * @throws {ConfigError} for anything else.
 */
export function parsePositions(flag: string, text: string): Positions {
  if (text === "all" || text === "last" || text === "random" || text === "mask") return { of: text };
  const [, from, range, to] = /^(-?\d+)(\.\.(-?\d+)?)?$/.exec(text) ?? [];
  if (from === undefined)
    throw new ConfigError(
      `--${flag}: must be all, last, random, mask, or numbers such as 3, -2 or 1..5, got "${text}"`,
    );
  return { of: "range", from: Number(from), to: range === undefined ? Number(from) : Number(to ?? -1) };
}

/** What positions are chosen from. */
export interface Choosable {
  readonly number: number;
  readonly ids: Int32Array;
  /** 1 where a token is left out. */
  readonly special: Uint8Array;
  readonly mask: Uint8Array | undefined;
}

/** The wanted positions of a text, ascending; none at special tokens. What is drawn depends on the text's number and the seed alone. */
export function positionsOf({ number, ids, special, mask }: Choosable, wanted: Positions, seed: number): Int32Array {
  const own = Int32Array.from(ids.keys()).filter((at) => special[at] === 0);
  switch (wanted.of) {
    case "all":
      return own;
    case "last":
      return own.slice(-1);
    case "random": {
      const at = own.length === 0 ? 0 : random(seed, `position of text ${number}`).below(own.length);
      return own.slice(at, at + 1);
    }
    case "mask":
      return own.filter((at) => mask?.[at] === 1);
    case "range": {
      const [from, to] = [wanted.from, wanted.to].map((one) => (one < 0 ? ids.length + one : one)) as [number, number];
      return own.filter((at) => at >= from && at <= to);
    }
  }
}
