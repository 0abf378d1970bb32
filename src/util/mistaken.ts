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

/** What some files are, by how they begin. */
const kinds = {
  "a .safetensors file": (bytes: Uint8Array) => bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0),
  // Field 1, the version of the IR; then another field of a model.
  "an ONNX model": (bytes: Uint8Array) =>
    bytes[0] === 0x08 && bytes[1]! < 0x20 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72].includes(bytes[2]!),
} as const;

/**
 * What a file is that is not of the kind it is read as, and the one that is meant where sae-onnx wrote both: a checkpoint and the models
 * frozen from it lie side by side. `undefined` where its first bytes do not tell.
 */
export function otherKind(bytes: Uint8Array, file: string, wanted: keyof typeof kinds): string | undefined {
  const [found] = Object.entries(kinds).find(([kind, is]) => kind !== wanted && is(bytes)) ?? [];
  if (found === undefined) return undefined;
  const stem = file.replace(/(\.(encoder|decoder|autoencoder|evaluator)(\.\w+)*)?\.(onnx|(\w+\.)?safetensors)$/i, "");
  const meant =
    wanted === "an ONNX model"
      ? `model frozen from it may be ${stem}.autoencoder.onnx`
      : `checkpoint it was frozen from may be ${stem}.safetensors`;
  return `is ${found}, not ${wanted}; the ${meant}`;
}

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
