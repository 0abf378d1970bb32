// onnxjs, an old runtime without TopK.
import { readFileSync } from "node:fs";
import { serve } from "./serve.mjs";

await serve(async () => {
  const { default: onnx } = await import("onnxjs");
  const load = async (path) => {
    const session = new onnx.InferenceSession({ backendHint: "cpu" });
    await session.loadModel(new Uint8Array(readFileSync(path)).buffer);
    const run = async (inputs) => {
      const feeds = Object.values(inputs).map(({ data, dims }) => new onnx.Tensor(data, "float32", dims));
      const outputs = {};
      for (const [output, { type, dims, data }] of await session.run(feeds))
        outputs[output] = { dtype: type, dims, data };
      return outputs;
    };
    return { run };
  };
  return { name: "onnxjs 0.1.8", load };
});
