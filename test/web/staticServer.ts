import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import send from "send";

/** A folder at an address. Everything else is answered 404; with `isolated`, pages may have threads. */
export async function serveFolder(root: string, isolated = false): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    response.setHeader("Access-Control-Allow-Origin", "*");
    send(request, request.url!, { root }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
