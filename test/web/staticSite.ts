import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext } from "playwright-core";
import send from "send";
import { afterAll, beforeAll } from "vitest";
import { startChromium } from "../report/chromium.ts";

/** The built page with ONNX Runtime's files, and nothing else: no data, no models. */
export async function serveSiteHere(): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = createServer((request, response) => {
    const wasm = /^\/assets\/(ort-[\w.-]+\.wasm)$/.exec(request.url!)?.[1];
    if (wasm) send(request, `/${wasm}`, { root: "node_modules/onnxruntime-web/dist" }).pipe(response);
    else send(request, request.url!, { root: "dist/web" }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The built page behind a server and a Chromium to look at it with, for all tests of the block it is called in. */
export function siteInChromium(): { readonly context: BrowserContext; readonly site: { readonly url: string } } {
  const here = {} as { context: BrowserContext; site: Awaited<ReturnType<typeof serveSiteHere>> };
  beforeAll(async () => {
    [here.context, here.site] = await Promise.all([startChromium(), serveSiteHere()]);
  });
  afterAll(async () => {
    await here.context?.close();
    here.site?.close();
  });
  return here;
}
