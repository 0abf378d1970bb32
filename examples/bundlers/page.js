// What every page here does: it trains a small sparse autoencoder, measures it and encodes a row, in a Web Worker.
import { evaluate, freeze, loadEncoder, tensor, train, trainConfig } from "sae-onnx";

/** Results as one line of JSON, which the page shows. */
export async function run(options = {}) {
  const rows = tensor(
    "float32",
    [64, 8],
    Float32Array.from({ length: 512 }, (_, i) => Math.sin(i * i)),
  );
  const config = trainConfig({ inputDim: 8, latentDim: 16, options: { k: 3 }, epochs: 2, batchSize: 16 });
  const { state, epochsDone, loss, provider } = await train(config, rows, options);
  const about = { dataDigest: "", layer: null, position: null, metrics: {} };
  const checkpoint = { config, tensors: state, epochsDone, loss, ...about };
  const { metrics } = await evaluate(freeze(checkpoint, "autoencoder"), { train: rows, validation: rows }, options);
  const encoder = await loadEncoder(freeze(checkpoint, "encoder"), options);
  const { latents } = await encoder.encode(tensor("float32", [1, 8], rows.data.slice(0, 8)));
  await encoder.release();
  return JSON.stringify({ loss, explained: metrics.explained_variance, latents: latents.dims, provider });
}
