import { say, size } from "./dom.ts";

/** A file from the server; how much of it is there is said while it comes. */
export async function fetched(url: string, what: string): Promise<Blob> {
  const response = await fetch(url).catch(() => {
    throw new Error(`${what}: cannot be fetched from ${url}; is the server still there?`);
  });
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status}; is the folder still there?`);
  if (!response.body) return response.blob();
  const all = Number(response.headers.get("Content-Length") ?? 0);
  const pieces: Uint8Array[] = [];
  let done = 0;
  const reader = response.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value);
    done += next.value.length;
    if (all > 1e6) say("engine", done < all ? `loading ${what}: ${size(done)} of ${size(all)}` : "");
  }
  say("engine", "");
  return new Blob(pieces as BlobPart[]);
}

/** Once: a file that was fetched stays. */
export function once<T>(get: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined;
  return () => {
    kept ??= get();
    kept.catch(() => {
      kept = undefined;
    });
    return kept;
  };
}
