import { ConfigError } from "./errors.ts";

/** What lies in the place of a file, by how it begins, and what to do. */
const mistaken: readonly (readonly [RegExp, string])[] = [
  [
    /^version https:\/\/git-lfs\.github\.com\/spec/,
    "is a Git LFS pointer, not the file itself; git lfs pull fetches that",
  ],
  [
    /^\s*<(!doctype\s+html|html|head)\b/i,
    "is a web page, not the file itself; where there is no such file a server may answer with one: check the address",
  ],
];

/** Characters that tell. */
const enough = 128;

/**
 * Checks that a file's first bytes, or its text, are not those of a stand-in for it. Every reader of files calls this.
 * @throws {ConfigError} for a Git LFS pointer and for a web page.
 */
export function checkNotMistaken(start: Uint8Array | string, file: string): void {
  const text = typeof start === "string" ? start.slice(0, enough) : new TextDecoder().decode(start.subarray(0, enough));
  const what = mistaken.find(([pattern]) => pattern.test(text))?.[1];
  if (what !== undefined) throw new ConfigError(`${file}: ${what}`);
}
