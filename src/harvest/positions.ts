import { quote } from "../data/quote.ts";
import { ConfigError } from "../util/errors.ts";
import { random } from "../util/random.ts";

/** Which tokens of each text are wanted. */
export type Positions =
  | { readonly of: "all" | "last" | "random" | "mask" }
  | { readonly of: "ranges"; readonly ranges: readonly PositionRange[] };

/** From the first to the last, both included; counted from the end where negative. */
export interface PositionRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The positions of `all`, `last`, `random` (one of each text), `mask` (what the file of texts says), `3`, `-2` (the last but one), `1..`, `..3` or `1..5`,
 * and several of such numbers: `0,2..4`.
 * @throws {ConfigError} for anything else.
 */
export function parsePositions(flag: string, text: string): Positions {
  if (text === "all" || text === "last" || text === "random" || text === "mask") return { of: text };
  const ranges = text.split(",").map((part): PositionRange => {
    const [, from, dots, to] = /^\s*(-?\d+)?(\.\.)?(-?\d+)?\s*$/.exec(part) ?? [];
    if ((from ?? to) === undefined || (dots === undefined && to !== undefined))
      throw new ConfigError(
        `--${flag}: must be all, last, random, mask, or numbers such as 3, -2, 1..5 or 0,2, got ${quote(text)}`,
      );
    const range = { from: Number(from ?? 0), to: Number(to ?? (dots === undefined ? from : -1)) };
    // A place from the start may lie behind one from the end, or before it.
    if (range.from > range.to && range.from < 0 === range.to < 0)
      throw new ConfigError(`--${flag}: ${part.trim()} runs backwards; write ${range.to}..${range.from}`);
    return range;
  });
  return { of: "ranges", ranges };
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
    case "ranges": {
      const place = (at: number) => (at < 0 ? ids.length + at : at);
      return own.filter((at) => wanted.ranges.some(({ from, to }) => at >= place(from) && at <= place(to)));
    }
  }
}
