// Runs a compat encoder on onnxjs, an old runtime without TopK:
//   npm install --no-save --ignore-scripts onnxjs@0.1.8
//   node examples/other-runtimes/onnxjs.mjs SAE.compat.encoder.onnx SAE.encoder.onnx
// and says how far its latents are from those of ONNX Runtime with the exact encoder.
import { readFileSync } from "node:fs";
import onnxjs from "onnxjs";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [compat, exact] = process.argv.slice(2);
const session = await InferenceSession.create(exact);
const width = session.inputMetadata[0].shape[1];
const rows = Float32Array.from({ length: 8 * width }, (_, i) => Math.sin(i * 12.9898) * 3);
const { latents: expected } = await session.run({ activations: new Tensor("float32", rows, [8, width]) });

const old = new onnxjs.InferenceSession({ backendHint: "cpu" });
await old.loadModel(new Uint8Array(readFileSync(compat)).buffer);
const found = (await old.run([new onnxjs.Tensor(rows, "float32", [8, width])])).get("latents").data;
const scale = expected.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
const worst = expected.data.reduce((most, v, i) => Math.max(most, Math.abs(v - found[i])), 0);
const flips = expected.data.reduce((count, v, i) => count + ((v !== 0) !== (found[i] !== 0) ? 1 : 0), 0);
console.log(
  `onnxjs: largest difference ${(worst / scale).toExponential(1)} of the largest, ${flips} selected otherwise`,
);
