// Chromium with WebGPU by SwiftShader, and the pages' server.
import { createReadStream, existsSync, mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const types = { js: "text/javascript", mjs: "text/javascript", json: "application/json", wasm: "application/wasm" };
// Threads of WebAssembly need an isolated page.
const isolated = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Serves folders by the paths they begin with, and an empty page at `/`. Gives its address. */
export async function serveFolders(folders) {
  const server = createServer(({ url }, response) => {
    const start = Object.keys(folders).find((one) => url.startsWith(one));
    const path = start && join(folders[start], url.slice(start.length).replaceAll("..", ""));
    if (path && existsSync(path)) {
      const type = types[path.split(".").at(-1)] ?? "application/octet-stream";
      response.writeHead(200, { ...isolated, "Content-Type": type });
      createReadStream(path).pipe(response);
    } else
      response
        .writeHead(url === "/" ? 200 : 404, { ...isolated, "Content-Type": "text/html" })
        .end("<!doctype html><title>bench</title>");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

const gpus = {
  none: ["--disable-gpu"],
  swiftshader: ["--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-webgpu-adapter=swiftshader"],
  own: ["--enable-unsafe-webgpu", "--enable-features=Vulkan"],
};

/** `gpu`: what WebGPU computes on. SwiftShader computes on the processor; `own` is what Chromium finds. */
export const startChromium = (gpu) =>
  chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "sae-onnx-chromium-")), {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-background-networking", "--disable-component-update"],
      ...["--disable-sync", "--no-first-run", ...gpus[gpu]],
    ],
  });
