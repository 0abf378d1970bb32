// Runs a portable encoder on @jax-js/onnx, a JavaScript runtime of its own:
//   npm install --no-save @jax-js/onnx@0.1.2 @jax-js/jax@0.1.25
//   node examples/other-runtimes/jax-js.mjs SAE.portable.encoder.onnx SAE.encoder.onnx
// and says how far its latents are from those of ONNX Runtime with the exact encoder.
import { readFileSync } from "node:fs";
import { defaultDevice, init, numpy as np } from "@jax-js/jax";
import { ONNXModel } from "@jax-js/onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [portable, exact] = process.argv.slice(2);
const session = await InferenceSession.create(exact);
const width = session.inputMetadata[0].shape[1];
const rows = Float32Array.from({ length: 8 * width }, (_, i) => Math.sin(i * 12.9898) * 3);
const { latents: expected } = await session.run({ activations: new Tensor("float32", rows, [8, width]) });

await init("cpu");
defaultDevice("cpu");
const model = new ONNXModel(new Uint8Array(readFileSync(portable)));
const { latents } = model.run({ activations: np.array(rows).reshape([8, width]) });
const found = await latents.data();
const scale = expected.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
const worst = expected.data.reduce((most, v, i) => Math.max(most, Math.abs(v - found[i])), 0);
const flips = expected.data.reduce((count, v, i) => count + ((v !== 0) !== (found[i] !== 0) ? 1 : 0), 0);
console.log(
  `@jax-js/onnx: largest difference ${(worst / scale).toExponential(1)} of the largest, ${flips} selected otherwise`,
);
