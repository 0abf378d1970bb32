import { wrongAnswer } from "./answer.ts";

/**
 * Looks on while ONNX Runtime fetches its .wasm file, and gives what to ask afterwards: what went wrong, in words. Its own message does
 * not name the file.
 */
export function watchWasmFile(): () => string | undefined {
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
    return response;
  };
  return () => failed;
}
