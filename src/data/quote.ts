/** A name found in a file, for a message: in quotes, on one line, at most 80 characters. */
export function quote(name: string): string {
  // JSON.stringify leaves the separators U+2028 and U+2029 and the C1 controls as they are.
  const text = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
