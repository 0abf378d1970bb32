import { mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";

/** A server that has one repository, as the Hub serves it; HF_ENDPOINT and an empty cache are this process's from now on. */
export async function startHub(repo: string, files: Readonly<Record<string, Uint8Array>>) {
  let asked = 0;
  vi.stubEnv("XDG_CACHE_HOME", mkdtempSync(join(tmpdir(), "sae-onnx-")));
  const server = createServer(({ url: coded = "", headers }, response) => {
    asked++;
    const url = decodeURIComponent(coded);
    const answer = (status: number, body: Uint8Array | string, more: Record<string, string> = {}) =>
      response.writeHead(status, more).end(body);
    const json = { "content-type": "application/json" };
    if (!url.includes(`/${repo}/`)) return answer(401, '{"error":"Invalid username or password."}', json);
    if (url.startsWith("/api/models/")) {
      const folder = /\/tree\/main\/([^?]*)/.exec(url)?.[1] ?? "";
      const below = Object.entries(files).filter(([path]) => folder === "" || path.startsWith(`${folder}/`));
      if (below.length === 0) return answer(404, `{"error":"${folder} does not exist on main"}`, json);
      return answer(
        200,
        JSON.stringify(below.map(([path, { length }]) => ({ type: "file", path, size: length }))),
        json,
      );
    }
    const content = files[url.replace(/^.*\/resolve\/main\//, "").replace(/\?.*/, "")];
    if (!content) return answer(404, '{"error":"Entry not found"}', { ...json, "x-error-code": "EntryNotFound" });
    const etag = { etag: '"1"' };
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(headers.range ?? "") ?? [];
    if (from === undefined) return answer(200, content, etag);
    const part = content.subarray(Number(from), Number(to) + 1);
    return answer(206, part, { ...etag, "content-range": `bytes ${from}-${to}/${content.length}` });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${(server.address() as { port: number }).port}`);
  return {
    asked: () => asked,
    stop() {
      server.close();
      vi.unstubAllEnvs();
    },
  };
}
