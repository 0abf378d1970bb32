import { visible } from "../util/visible.ts";

/** A name found in a file, for a message: in quotes, on one line, at most 80 characters. */
export function quote(name: string): string {
  // JSON.stringify leaves the separators U+2028 and U+2029 and the C1 controls as they are.
  return visible(JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name));
}
