import { readdirSync, statSync, writeFileSync } from "node:fs";
import { get as httpGet, request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saeOnnx, temporaryFolder } from "../cli/run.ts";
import { type Served, serve } from "./page.ts";

let served: Served;
beforeAll(async () => {
  const models = temporaryFolder();
  writeFileSync(join(models, "a.autoencoder.onnx"), "model");
  writeFileSync(join(models, "secret.txt"), "secret");
  served = await serve(models);
});
afterAll(() => served?.process.kill());

/** An address as it is, without a client's tidying. */
const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  new Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
    const { port } = new URL(served.url);
    request({ host: "127.0.0.1", port, path, headers, method }, (response) => {
      let text = "";
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode!, text, headers: response.headers }));
    })
      .on("error", reject)
      .end();
  });

test("serves the page isolated, the models in its list, and nothing else of the disk", async () => {
  const page = await get("/");
  expect(page.status).toBe(200);
  expect(page.headers["cross-origin-opener-policy"]).toBe("same-origin");
  expect(page.headers["cross-origin-embedder-policy"]).toBe("require-corp");
  expect(JSON.parse((await get("/catalog.json")).text).models).toEqual([
    { name: "a.autoencoder.onnx", url: "models/a.autoencoder.onnx" },
  ]);
  expect((await get("/models/a.autoencoder.onnx")).text).toBe("model");
  const outside = [
    "/models/secret.txt",
    "/models/../secret.txt",
    "/../package.json",
    "/..%2f..%2fpackage.json",
    "/%2e%2e/cli/main.js",
    "/models/%",
    "//etc/passwd",
  ];
  for (const path of outside) expect((await get(path)).status, path).toBe(404);
});

test("serves onnxruntime-web's .wasm files from the package, and again only when they changed", async () => {
  for (const name of ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm"]) {
    const { status, headers } = await get(`/assets/${name}`, {}, "HEAD");
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/wasm");
    expect(Number(headers["content-length"])).toBe(statSync(`node_modules/onnxruntime-web/dist/${name}`).size);
    expect((await get(`/assets/${name}`, { "if-none-match": headers.etag as string }, "HEAD")).status).toBe(304);
  }
  expect((await get("/assets/ort-wasm-simd-threaded.jsep.wasm")).status).toBe(404);
});

test("answers to this machine's names only, and to reading only", async () => {
  expect((await get("/", { host: "evil.example:80" })).status).toBe(403);
  expect((await get("/", {}, "POST")).status).toBe(405);
});

test("answers to a name in capitals, and may stand in no frame", async () => {
  const { status, headers } = await get("/", { host: "LocalHost:80" });
  expect(status).toBe(200);
  expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
});

test("gives the part of a file that is asked for", async () => {
  const path = "/models/a.autoencoder.onnx";
  const parts = [
    ["bytes=1-3", 206, "ode", "bytes 1-3/5"],
    ["bytes=3-", 206, "el", "bytes 3-4/5"],
    ["bytes=-2", 206, "el", "bytes 3-4/5"],
    ["bytes=2-99", 206, "del", "bytes 2-4/5"],
    ["bytes=9-", 416, "", "bytes */5"],
    ["bytes=3-1", 416, "", "bytes */5"],
    ["lines=1-3", 200, "model", undefined],
  ] as const;
  for (const [range, status, text, contentRange] of parts) {
    const answer = await get(path, { range });
    expect([answer.status, answer.text, answer.headers["content-range"]], range).toEqual([status, text, contentRange]);
  }
  for (const page of ["/", "/index.html"]) {
    const [whole, end] = [await get(page), await get(page, { range: "bytes=-9" })];
    expect(end.text, page).toBe(whole.text.slice(-9));
    expect((await get(page, { range: "bytes=5-2" })).status, page).toBe(416);
  }
});

test.skipIf(process.platform !== "linux")("downloads that are broken off leave no file open", async () => {
  const folder = `/proc/${served.process.pid}/fd`;
  const before = readdirSync(folder).length;
  const script = /src="\.?\/?([^"]+\.js)"/.exec((await get("/")).text)![1]!;
  for (const path of ["assets/ort-wasm-simd-threaded.wasm", script])
    await Promise.all(
      Array.from(
        { length: 20 },
        () =>
          new Promise<void>((resolve, reject) => {
            httpGet(`${served.url}/${path}`, { agent: false }, (response) => {
              response.once("data", () => {
                response.destroy();
                resolve();
              });
            }).on("error", reject);
          }),
      ),
    );
  await expect.poll(() => readdirSync(folder).length, { timeout: 1500 }).toBeLessThanOrEqual(before + 2);
});

test("bad flags: one line each", () => {
  const wrong = [
    [["--port", "70000"], "--port must be an integer from 0 to 65535, got 70000"],
    [["--models", "/nowhere"], "/nowhere: no such folder"],
    [["--data", "/nowhere.npy"], "/nowhere.npy: no such file"],
    [["--port", new URL(served.url).port], "is taken; choose another with --port"],
  ] as const;
  for (const [flags, message] of wrong) {
    const { status, stderr } = saeOnnx("serve", ...flags);
    expect(status, message).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  }
});
