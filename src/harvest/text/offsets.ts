/** @file Where in a text its tokens stand, worked out from what they stand for: tokenizers in JavaScript do not say. */

/** How far on a letter is looked for: normalisers take letters away and put others in. */
const farthest = 64;

/** What a token stands for; nothing for one that was put around the text. */
export type Surface =
  | {
      /** In UTF-8. */
      readonly bytes: Uint8Array;
      /** Whether it stands for all of that or, as a token for what is unknown, for something else. */
      readonly isWhole: boolean;
    }
  | undefined;

/**
 * The first letter of each token in a text, and the one after its last: `[2 · tokens]`, in Unicode characters (as Python counts them, not in
 * UTF-16 units), without spaces at their ends. A token that shares a letter with its neighbour, as parts of an emoji do, has it whole. What
 * stands nowhere in the text has 0 and 0.
 */
export function offsetsOf(text: string, surfaces: readonly Surface[]): Int32Array {
  const { letters, spans } = spelled(surfaces);
  const places = new Int32Array(letters.length).fill(-1);
  const { folded, from: numbers } = foldedText(text);
  let at = 0;
  const characters = [...text];
  // The character after the last that was found.
  let end = 0;
  const offsets = new Int32Array(2 * surfaces.length);
  for (const [token, [from, to]] of spans.entries()) {
    let [first, last] = [-1, -1];
    const whole = surfaces[token]?.isWhole ? letters.slice(from, to).flatMap((letter) => [...fold(letter)]) : [];
    if (!whole.every((part, i) => folded[at + i] === part)) continue;
    for (let letter = from; letter < to; letter++) {
      // A letter that the token before has a part in is found already.
      if (places[letter]! < 0)
        for (const part of fold(letters[letter]!)) {
          let found = at;
          while (found < at + farthest && folded[found] !== part) found++;
          if (folded[found] !== part) continue;
          places[letter] = numbers[found]!;
          at = found + 1;
        }
      // A mark, which folds to nothing, stands behind what it belongs to: an accent, a vowel sign.
      if (places[letter]! < 0 && isMark.test(letters[letter]!) && characters[end] === letters[letter])
        places[letter] = end;
      if (places[letter]! < 0) continue;
      end = places[letter]! + 1;
      if (first < 0) first = places[letter]!;
      last = places[letter]!;
    }
    if (first >= 0) offsets.set([first, last + 1], 2 * token);
  }
  betweenOthers(text, surfaces, offsets);
  return offsets;
}

/** Tokens of the text that spell nothing of it, as those for what is unknown, are what stands between their neighbours. */
function betweenOthers(text: string, surfaces: readonly Surface[], offsets: Int32Array): void {
  if (!surfaces.some((surface) => surface?.isWhole)) return;
  const letters = [...text];
  for (const [token, surface] of surfaces.entries()) {
    if (!surface?.isWhole || offsets[2 * token + 1]! > 0) continue;
    const next = surfaces.findIndex((_, i) => i > token && offsets[2 * i + 1]! > 0);
    let [from, to] = [offsets[2 * token - 1] ?? 0, next < 0 ? letters.length : offsets[2 * next]!];
    while (from < to && letters[from]!.trim() === "") from++;
    while (from < to && letters[to - 1]!.trim() === "") to--;
    if (from < to) offsets.set([from, to], 2 * token);
  }
}

/** What tokens spell together, letter by letter, and which letters each has a part in. */
function spelled(surfaces: readonly Surface[]) {
  const bytes: number[] = [];
  const ends = surfaces.map((surface) => {
    for (const byte of surface?.bytes ?? []) bytes.push(byte);
    return bytes.length;
  });
  const letterAt = new Int32Array(bytes.length);
  const letters: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = lengthOf(bytes[at]!);
    letterAt.fill(letters.length, at, at + size);
    letters.push(letterOf(bytes, at, size));
    at += size;
  }
  const spans = ends.map((end, token): readonly [number, number] => {
    const start = token === 0 ? 0 : ends[token - 1]!;
    return start === end ? [0, 0] : [letterAt[start]!, letterAt[end - 1]! + 1];
  });
  return { letters, spans };
}

const decoder = new TextDecoder();
/** A letter of UTF-8. One of a single byte, as nearly all are, is its number: the decoder takes a hundred times as long for it. */
const letterOf = (bytes: readonly number[], at: number, size: number): string =>
  bytes[at]! < 0x80 ? String.fromCharCode(bytes[at]!) : decoder.decode(Uint8Array.from(bytes.slice(at, at + size)));

/** Bytes of a letter of UTF-8, by its first one. */
const lengthOf = (byte: number): number => (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1);

/** A text letter by letter as `fold` leaves it, and which letter of the text each is: normalisers make several of one, and drop accents. */
function foldedText(text: string) {
  const folded: string[] = [];
  const from: number[] = [];
  let number = 0;
  for (const letter of text) {
    for (const part of fold(letter)) {
      folded.push(part);
      from.push(number);
    }
    number++;
  }
  return { folded, from };
}

const isMark = /^\p{M}$/u;

/** What letters fold to, as far as they have been seen: texts have few of them, many times. */
const folds = new Map<string, string>();

/** A letter without accents, capitals and spaces. */
function fold(letter: string): string {
  let folded = folds.get(letter);
  if (folded === undefined) {
    folded = letter
      .normalize("NFKD")
      .replace(/[\p{M}\s]/gu, "")
      .toLowerCase();
    folds.set(letter, folded);
  }
  return folded;
}
