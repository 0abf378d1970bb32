import type { Example } from "../../browser.ts";
import { type Child, make, short } from "../dom.ts";

/** What a search looks for, to be marked in texts. */
let sought: RegExp | undefined;

/** Marks these words in all texts that are made from now on; none where it is empty. */
export function mark(words: string): void {
  const all = words.match(/[\p{L}\p{N}]+/gu) ?? [];
  sought = all.length === 0 ? undefined : new RegExp(`(?<![\\p{L}\\p{N}])(?:${all.join("|")})[\\p{L}\\p{N}]*`, "giu");
}

/** Letters of a text that are sought, 1 each. */
function markedIn(text: string): Uint8Array {
  const marked = new Uint8Array(text.length);
  for (const { index, 0: found } of sought ? text.matchAll(sought) : []) marked.fill(1, index, index + found.length);
  return marked;
}

/** A piece of a text, what is sought in it marked. */
function piece(text: string, marked: Uint8Array): Child[] {
  const parts: Child[] = [];
  for (let from = 0; from < text.length; ) {
    let to = from + 1;
    while (to < text.length && marked[to] === marked[from]) to++;
    parts.push(marked[from] ? make("mark", {}, text.slice(from, to)) : text.slice(from, to));
    from = to;
  }
  return parts;
}

/** How strongly a token is shaded, as a style: nothing for 0. */
export function shade(element: HTMLElement, value: number, largest: number): void {
  if (value === 0) return;
  element.style.setProperty("--tint", value < 0 ? "var(--down)" : "var(--up)");
  // Where the reader has colours of his own, a line under the token says it.
  element.style.setProperty("--level", String(Math.ceil(4 * Math.min(1, Math.abs(value) / (largest || 1)))));
  element.style.setProperty("--part", `${Math.round(10 + 50 * Math.min(1, Math.abs(value) / (largest || 1)))}%`);
  if (value < 0) element.classList.add("below");
}

/** Takes the shade off. */
export function unshade(element: HTMLElement): void {
  for (const name of ["--tint", "--level", "--part"]) element.style.removeProperty(name);
  element.classList.remove("below");
}

/**
 * A text with each token shaded by its activation. Where tokens are not known the text stands alone, and a row's place in it is said
 * beside it: tokens are not words, so a place in the text would be a guess.
 */
export function shaded(example: Pick<Example, "tokens" | "activations" | "at" | "cut" | "text">, largest: number) {
  const { tokens, activations = [], at: own, text, cut = [false, false] } = example;
  const words = make("p", { class: "words" });
  if (!tokens) {
    words.append(
      ...(text === undefined ? [make("i", {}, "no text is known of this row")] : piece(text, markedIn(text))),
    );
    return words;
  }
  const marked = markedIn(tokens.join(""));
  let from = 0;
  if (cut[0]) words.append("… ");
  for (const [i, token] of tokens.entries()) {
    const span = make(
      "span",
      i === own ? { class: "own" } : {},
      ...piece(token, marked.subarray(from, from + token.length)),
    );
    from += token.length;
    const value = activations[i] ?? null;
    span.title = value === null ? "no row is this token" : short(value);
    if (value !== null) shade(span, value, largest);
    words.append(span);
  }
  if (cut[1]) words.append(" …");
  return words;
}
