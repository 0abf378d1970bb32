import { wrongAnswer } from "./answer.ts";
import type { Loading } from "./messages.ts";

/**
 * Looks on while ONNX Runtime fetches its .wasm file, tells how much of it is there, and gives what to ask afterwards: what went wrong, in words. Its own message does
 * not name the file.
 */
export function watchWasmFile(tell: (loading: Loading) => void): () => string | undefined {
  const fetchIt = self.fetch.bind(self);
  let failed: string | undefined;
  self.fetch = async (input, init) => {
    const address = input instanceof Request ? input.url : String(input);
    if (!/\.wasm([?#]|$)/.test(address)) return fetchIt(input, init);
    const fail = (why: string): void => {
      const name = /[^/]*\.wasm/.exec(address)![0];
      failed = `ONNX Runtime's file ${name} is not at ${address}: ${why}; it is in onnxruntime-web/dist: put it there, or say where it is with the option wasmPath`;
    };
    const response = await fetchIt(input, init).catch((error) => {
      fail("it cannot be fetched");
      throw error;
    });
    const why = wrongAnswer(response, /wasm/);
    if (why !== undefined) fail(why);
    return why === undefined ? counted(response, tell) : response;
  };
  return () => failed;
}

/** The same answer, that tells of each piece as it arrives. */
function counted(response: Response, tell: (loading: Loading) => void): Response {
  if (!response.body) return response;
  // Of a compressed answer the length says something else.
  const length = response.headers.has("Content-Encoding") ? 0 : Number(response.headers.get("Content-Length") ?? 0);
  let done = 0;
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      done += piece.length;
      tell({ done, of: length });
      controller.enqueue(piece);
    },
    flush: () => tell({ done, of: done }),
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(counting), { status, statusText, headers });
}
