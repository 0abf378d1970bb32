/** @file Where in a text its tokens stand, worked out from what they stand for: tokenizers in JavaScript do not say. */

/** How far on a letter is looked for: normalisers take letters away and put others in. */
const farthest = 64;

/**
 * The first letter of each token in a text, and the one after its last: `[2 · tokens]`, in Unicode characters (as Python counts them, not in
 * UTF-16 units), without spaces at their ends. A token that shares a letter with its neighbour, as parts of an emoji do, has it whole. What
 * stands nowhere in the text, as a special token, has 0 and 0. `surfaces` are the bytes of the tokens; none for a special one.
 */
export function offsetsOf(text: string, surfaces: readonly (Uint8Array | undefined)[]): Int32Array {
  const { letters, spans } = spelled(surfaces);
  const places = placesIn(text, letters);
  const offsets = new Int32Array(2 * surfaces.length);
  for (const [token, [from, to]] of spans.entries()) {
    let [first, last] = [-1, -1];
    for (let at = from; at < to; at++) {
      if (places[at]! < 0) continue;
      if (first < 0) first = places[at]!;
      last = places[at]!;
    }
    if (first >= 0) offsets.set([first, last + 1], 2 * token);
  }
  return offsets;
}

/** What tokens spell together, letter by letter, and which letters each has a part in. */
function spelled(surfaces: readonly (Uint8Array | undefined)[]) {
  const bytes: number[] = [];
  const ends = surfaces.map((surface) => {
    for (const byte of surface ?? []) bytes.push(byte);
    return bytes.length;
  });
  const letterAt = new Int32Array(bytes.length);
  const letters: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = lengthOf(bytes[at]!);
    letterAt.fill(letters.length, at, at + size);
    letters.push(new TextDecoder().decode(Uint8Array.from(bytes.slice(at, at + size))));
    at += size;
  }
  const spans = ends.map((end, token): readonly [number, number] => {
    const start = token === 0 ? 0 : ends[token - 1]!;
    return start === end ? [0, 0] : [letterAt[start]!, letterAt[end - 1]! + 1];
  });
  return { letters, spans };
}

/** Bytes of a letter of UTF-8, by its first one. */
const lengthOf = (byte: number): number => (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1);

/** For each letter that tokens spell, the number of the letter of the text that it is; -1 for none, and for spaces. */
function placesIn(text: string, letters: readonly string[]): Int32Array {
  // A normaliser may make several letters of one, and drop accents and capitals.
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
  const places = new Int32Array(letters.length).fill(-1);
  let at = 0;
  for (const [i, letter] of letters.entries())
    for (const part of fold(letter)) {
      let found = at;
      while (found < Math.min(folded.length, at + farthest) && folded[found] !== part) found++;
      if (found >= folded.length || folded[found] !== part) continue;
      places[i] = from[found]!;
      at = found + 1;
    }
  return places;
}

/** A letter without accents, capitals and spaces. */
const fold = (letter: string): string =>
  letter
    .normalize("NFKD")
    .replace(/[\p{M}\s]/gu, "")
    .toLowerCase();
