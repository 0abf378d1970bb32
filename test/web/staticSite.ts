import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import send from "send";

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
