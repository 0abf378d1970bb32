// @jax-js/onnx, a JavaScript runtime of its own.
import { readFileSync } from "node:fs";
import { serve } from "./serve.mjs";

await serve(async () => {
  const { defaultDevice, init, numpy } = await import("@jax-js/jax");
  const { ONNXModel } = await import("@jax-js/onnx");
  await init("wasm");
  defaultDevice("wasm");
  const load = (path) => {
    const model = new ONNXModel(new Uint8Array(readFileSync(path)));
    const run = async (inputs) => {
      const feeds = {};
      for (const [input, { data, dims }] of Object.entries(inputs)) feeds[input] = numpy.array(data).reshape(dims);
      const outputs = {};
      for (const [output, value] of Object.entries(model.run(feeds)))
        outputs[output] = { dtype: "float32", dims: value.shape, data: await value.data() };
      return outputs;
    };
    return { run, release: () => model.dispose() };
  };
  return { name: "@jax-js/onnx 0.1.2", load };
});
