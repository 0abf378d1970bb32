/** SHA-256 of some bytes, as 64 hex digits; WebCrypto, so the same in Node and in a browser. */
export async function digest(...parts: readonly Uint8Array[]): Promise<string> {
  const joined = parts.length === 1 ? parts[0]! : concatBytes(parts);
  const hash = await crypto.subtle.digest("SHA-256", joined as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
