import { ConfigError } from "../util/errors.ts";
import { readNpyArray } from "./npy.ts";
import { quote } from "./quote.ts";
import type { StoredArray } from "./stored.ts";
import { readZip } from "./zip.ts";

/** Most bytes an .npz file may take decompressed, unless told otherwise. */
const maxBytesDefault = 8 * 2 ** 30;

/**
 * The arrays of a .npz file by name (without `.npy`), stored or deflated.
 *
 * Arrays of strings or objects are listed with NumPy's type name and never interpreted.
 * The decompressed size is checked from the archive's directory, before anything is decompressed; default 8 GiB.
 * @throws {ConfigError} when the archive or an array in it is corrupt, or the size exceeds `maxBytes`.
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
    arrays.set(name, readNpyArray(member.read(), `${file}: array ${quote(name)}`));
  }
  return arrays;
}
