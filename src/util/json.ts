/** How much structure a JSON text may have: levels within one another, and values. */
export interface JsonBounds {
  readonly depth: number;
  readonly values: number;
}

/**
 * What of a JSON text is beyond the bounds, in words; `undefined` where nothing is. One pass without building anything, since
 * building what a small text asks for may take minutes and gigabytes.
 */
export function beyond(text: string, { depth, values }: JsonBounds): string | undefined {
  let level = 0;
  let count = 1;
  for (let at = 0; at < text.length; at++)
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++level > depth) return `has values more than ${depth} levels within one another`;
        if (++count > values) return `has more than ${values} values`;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        level--;
        break;
      case 0x2c: // ,
        if (++count > values) return `has more than ${values} values`;
    }
  return undefined;
}

/** What small JSON texts may have: settings, and what models and checkpoints say of themselves. */
const small: JsonBounds = { depth: 64, values: 2 ** 20 };

/** The value of a JSON text of settings. Throws where it is none, and where it has more structure than settings have. */
export function parseSmall(text: string): unknown {
  const excess = beyond(text, small);
  if (excess !== undefined) throw new SyntaxError(excess);
  return JSON.parse(text);
}

/** The first key that an object of a JSON text has twice, at whatever depth; `undefined` where there is none. The text must be JSON. */
export function repeatedKey(text: string): string | undefined {
  // Of each open object its keys so far; nothing for a list.
  const open: (Set<string> | undefined)[] = [];
  let isKey = false;
  for (let at = 0; at < text.length; at++)
    switch (text.charCodeAt(at)) {
      case 0x22: {
        // "
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (isKey && keys) {
          const key = JSON.parse(text.slice(at, end + 1)) as string;
          if (keys.has(key)) return key;
          keys.add(key);
        }
        isKey = false;
        at = end;
        break;
      }
      case 0x7b: // {
        open.push(new Set());
        isKey = true;
        break;
      case 0x5b: // [
        open.push(undefined);
        isKey = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        isKey = false;
        break;
      case 0x2c: // ,
        isKey = open.at(-1) !== undefined;
    }
  return undefined;
}

/** The quote that ends the string beginning at `from`; the end of the text where none does. */
export function endOfString(text: string, from: number): number {
  for (let at = from + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at;
  }
}
