import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { hubCache, localModel } from "../../src/harvest/hub.node.ts";
import { languageModel, namings } from "./models.ts";

/** A repository as the Hub serves one. */
const files: Readonly<Record<string, Uint8Array>> = {
  "onnx/model.onnx": languageModel(namings.dynamo),
  "onnx/model_q4.onnx": languageModel(namings.torchscript),
  "tokenizer.json": new TextEncoder().encode("{}"),
};
let server: Server;
let asked = 0;

beforeAll(async () => {
  vi.stubEnv("XDG_CACHE_HOME", mkdtempSync(join(tmpdir(), "sae-onnx-")));
  server = createServer(({ url = "", headers }, response) => {
    asked++;
    const answer = (status: number, body: Uint8Array | string, more: Record<string, string> = {}) =>
      response.writeHead(status, more).end(body);
    const json = { "content-type": "application/json" };
    if (!url.includes("/owner/name/")) return answer(401, '{"error":"Invalid username or password."}', json);
    if (url.startsWith("/api/models/"))
      return answer(
        200,
        JSON.stringify(Object.entries(files).map(([path, { length }]) => ({ type: "file", path, size: length }))),
        json,
      );
    const content = files[url.replace(/^.*\/resolve\/main\//, "").replace(/\?.*/, "")];
    if (!content) return answer(404, '{"error":"Entry not found"}', { ...json, "x-error-code": "EntryNotFound" });
    const etag = { etag: '"1"' };
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(headers.range ?? "") ?? [];
    if (from === undefined) return answer(200, content, etag);
    const part = content.subarray(Number(from), Number(to) + 1);
    return answer(206, part, { ...etag, "content-range": `bytes ${from}-${to}/${content.length}` });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${port}`);
});
afterAll(() => {
  server.close();
  vi.unstubAllEnvs();
});

describe("hf:owner/name", () => {
  test("is fetched once, with its tokenizer", async () => {
    const path = await localModel("hf:owner/name");
    expect(path).toBe(join(hubCache(), "owner", "name", "main", "onnx", "model.onnx"));
    expect(new Uint8Array(readFileSync(path))).toEqual(files["onnx/model.onnx"]);
    expect(readFileSync(join(path, "../../tokenizer.json"), "utf8")).toBe("{}");
    const before = asked;
    expect(await localModel("hf:owner/name")).toBe(path);
    expect(asked).toBe(before);
  });

  test("with a file of its own", async () => {
    const path = await localModel("hf:owner/name/onnx/model_q4.onnx");
    expect(new Uint8Array(readFileSync(path))).toEqual(files["onnx/model_q4.onnx"]);
  });

  test.each([
    ["no such file", "hf:owner/name/onnx/other.onnx", /the repository has no onnx\/other.onnx; name a file/],
    [
      "no such repository",
      "hf:owner/none",
      /has no repository owner\/none, or it is private; check the name, or set HF_TOKEN$/,
    ],
    ["no name", "hf:owner", /^hf:owner: write hf:owner\/name/],
    ["a way out of the folder", "hf:owner/name/../../x.onnx", /write hf:owner\/name/],
  ])("%s is one clear line", async (_, given, message) => {
    await expect(localModel(given)).rejects.toThrow(message);
  });

  test("offline, what is there is read, and what is not is one clear line", async () => {
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
    expect(await localModel("hf:owner/name")).toContain("model.onnx");
    rmSync(hubCache(), { recursive: true });
    await expect(localModel("hf:owner/name")).rejects.toThrow(
      /^hf:owner\/name: cannot fetch what it holds from http:\/\/127.0.0.1:1 \(\w+.*\), and it is not in .*; get online, or name a local .onnx$/,
    );
  });
});

test("a path is what it is", async () => {
  expect(await localModel("models/llm.onnx")).toBe("models/llm.onnx");
});
