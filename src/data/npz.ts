import { ConfigError } from "../util/errors.ts";
import { describeNpy, readNpyArray } from "./npy.ts";
import { npyStart } from "./npyHeader.ts";
import { quote } from "./quote.ts";
import type { StoredArray } from "./stored.ts";
import { readZip, type ZipMember } from "./zip.ts";

/** Most bytes an .npz file may take decompressed, unless told otherwise. */
const maxBytesDefault = 8 * 2 ** 30;

/**
 * The arrays of a .npz file by name (without `.npy`), stored or deflated. Of each only the header is decompressed, until its
 * `bytes` are asked for.
 *
 * Arrays of strings or objects are listed with NumPy's type name and never interpreted.
 * The decompressed size is checked from the archive's directory, before anything is decompressed; default 8 GiB.
 * @throws {ConfigError} when the archive or the header of an array is corrupt, or the size exceeds `maxBytes`; and where `bytes` are
 * asked for and are corrupt.
 */
export function readNpz(
  bytes: Uint8Array,
  file: string,
  { maxBytes = maxBytesDefault }: { readonly maxBytes?: number } = {},
): ReadonlyMap<string, StoredArray> {
  const arrays = new Map<string, StoredArray>();
  for (const member of readZip(bytes, file, maxBytes)) {
    if (!member.name.endsWith(".npy")) continue;
    const name = member.name.slice(0, -".npy".length);
    if (arrays.has(name)) throw new ConfigError(`${file}: array ${quote(name)} is there twice; save the file again`);
    arrays.set(name, arrayOf(member, `${file}: array ${quote(name)}`));
  }
  return arrays;
}

/** Enough for the header of nearly every array; a member no larger than a few of these is read whole, and so is checked. */
const usualHeader = 1024;

function arrayOf(member: ZipMember, where: string): StoredArray {
  let head = member.size <= 4 * usualHeader ? member.read() : member.start(usualHeader);
  const { start } = npyStart(head, where);
  if (start > head.length) head = member.start(start);
  let bytes: Uint8Array | undefined;
  return {
    ...describeNpy(head, member.size, where),
    get bytes() {
      bytes ??= readNpyArray(member.read(), where).bytes;
      return bytes;
    },
  };
}
