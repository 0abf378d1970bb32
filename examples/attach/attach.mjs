// Trains a small SAE on a model's inner activations, attaches it to that model, and runs the two as one model in onnxruntime-web.
// Run: npm run -s build && node examples/attach/attach.mjs
import * as ort from "onnxruntime-web"; // in a page the same three lines at the end
import { attach, buildModel, cpu, freeze, input, op, packModel, scope, tensor, trainConfig, trainOn } from "sae-onnx";

/** A model of 20 tokens, 16 dims: an embedding, a residual block, an output. Any .onnx will do in its place. */
const [tokens, width] = [20, 16];
const matrix = (rows, columns, seed) =>
  op.constant(
    tensor(
      "float32",
      [rows, columns],
      Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i * seed + i)),
    ),
  );
const ids = input("int64", ["batch", "seq"]);
const embedded = op.gather(matrix(tokens, width, 1), ids);
const stream = scope("resid", () => op.add(embedded, op.relu(op.matMul(embedded, matrix(width, width, 2)))));
const logits = op.matMul(stream, matrix(width, tokens, 3));
const model = packModel(buildModel({ inputs: { ids }, outputs: { logits } })).bytes;

// 1. Activations of the stream, and an SAE trained on them.
const text = (rows, seq, step) =>
  tensor(
    "int64",
    [rows, seq],
    BigInt64Array.from({ length: rows * seq }, (_, i) => BigInt((i * step + (i % 7)) % tokens)),
  );
const open = await cpu.open(packModel(buildModel({ inputs: { ids }, outputs: { stream } })));
const seen = (await open.run({ ids: text(64, 8, 3) })).stream;
const activations = tensor("float32", [64 * 8, width], seen.data);
const config = trainConfig({ inputDim: width, latentDim: 32, epochs: 30, batchSize: 64, options: { k: 3 } });
const { state, loss } = await trainOn(cpu, config, activations);
console.log(`loss ${loss[0].toFixed(3)} -> ${loss.at(-1).toFixed(3)}`);
const checkpoint = { config, tensors: state, epochsDone: 30, loss, dataDigest: "", layer: null, position: null };
const encoder = freeze({ ...checkpoint, metrics: {} }, "encoder");

// 2. The encoder on the value "resid/Add_0" inside the model. On files: sae-onnx attach --model ... --tensor resid/Add_0 ...
const attached = attach(
  { bytes: model, file: "model.onnx" },
  { model: encoder, file: "sae.encoder.onnx" },
  { tensor: "resid/Add_0" },
);
console.log(`outputs: ${attached.outputs.join(", ")}`);

// 3. One session, here and in a browser: the model's own outputs, and the latents of every token.
const session = await ort.InferenceSession.create(attached.bytes);
const sentence = text(1, 5, 4);
const feeds = { ids: new ort.Tensor("int64", sentence.data, sentence.dims) };
const { logits: after, sae_latents, sae_top_indices, sae_top_values } = await session.run(feeds);

for (let at = 0; at < 5; at++) {
  const kept = [0, 1, 2].map((i) => {
    const value = sae_top_values.data[3 * at + i];
    return `${sae_top_indices.data[3 * at + i]} (${value.toFixed(2)})`;
  });
  console.log(`token ${sentence.data[at]}: latents ${kept.join(", ")}`);
}
const before = (await (await ort.InferenceSession.create(model)).run(feeds)).logits;
console.log(`latents [${sae_latents.dims}], logits unchanged: ${before.data.every((one, i) => one === after.data[i])}`);
