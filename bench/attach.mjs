/**
 * What an attached encoder costs: a transformer (6 layers, 512 dims, 8 heads, 128 tokens) alone, the same with an encoder of 2,048
 * latents (k 20) attached behind layer 3, and the encoder's own product [128, 512] x [512, 2048] alone. They run in turn, so that
 * a noisy machine is noisy for all.
 *
 * Run: npm run -s build && node bench/attach.mjs [rounds] [--steer] [--reconstruct]
 */
import * as ort from "onnxruntime-node";
import { attach, buildModel, decodeModel, encodeModel, input, op, scope, tensor } from "sae-onnx";

const [layers, width, tokens, heads, latentDim, k] = [6, 512, 128, 8, 2048, 20];
const rounds = Number(process.argv[2] ?? 40);
const flags = { steer: process.argv.includes("--steer"), reconstruct: process.argv.includes("--reconstruct") };

let seed = 1;
const random = () => {
  seed = (seed * 1103515245 + 12345) % 2 ** 31;
  return seed / 2 ** 30 - 1;
};
const weight = (...dims) => {
  const size = dims.reduce((a, b) => a * b, 1);
  return op.constant(
    tensor(
      "float32",
      dims,
      Float32Array.from({ length: size }, () => random() / Math.sqrt(dims[0])),
    ),
  );
};
const norm = (x) => op.div(x, op.sqrt(op.add(op.reduceMean(op.mul(x, x), { axes: [2], keepDims: true }), 1e-5)));

function layer(x, i) {
  return scope(`layer${i}`, () => {
    const h = norm(x);
    const split = (y) => op.transpose(op.reshape(y, [0, 0, heads, width / heads]), [0, 2, 1, 3]);
    const [q, key, v] = [0, 1, 2].map(() => split(op.matMul(h, weight(width, width))));
    const pattern = op.softmax(op.mul(op.matMul(q, op.transpose(key)), 1 / Math.sqrt(width / heads)));
    const mixed = op.reshape(op.transpose(op.matMul(pattern, v), [0, 2, 1, 3]), [0, 0, width]);
    const mid = op.add(x, op.matMul(mixed, weight(width, width)));
    const mlp = op.matMul(op.relu(op.matMul(norm(mid), weight(width, 4 * width))), weight(4 * width, width));
    return scope("resid_post", () => op.add(mid, mlp));
  });
}

const x = input("float32", ["batch", "seq", width]);
let stream = x;
for (let i = 0; i < layers; i++) stream = layer(stream, i);
const model = encodeModel(buildModel({ inputs: { x }, outputs: { y: stream } }));

const activations = input("float32", ["batch", width]);
const W_enc = weight(latentDim, width);
const pre = op.gemm(activations, W_enc, { transB: true });
const { indices } = op.topK(op.abs(pre), k);
const top = op.gatherElements(pre, indices);
const latents = op.scatterElements(op.zerosLike(pre), indices, top);
const W_dec = op.constant(
  tensor("float32", [latentDim, width], Float32Array.from({ length: latentDim * width }, random)),
  "W_dec",
);
const sae = buildModel({
  inputs: { activations },
  outputs: { latents, top_values: top, top_indices: indices, reconstruction: op.gemm(latents, W_dec) },
  metadata: { format: "sae-onnx", part: "autoencoder", input_dim: String(width), latent_dim: String(latentDim) },
});
const gemm = encodeModel(buildModel({ inputs: { activations }, outputs: { pre } }));
const at = (outputs) =>
  attach(
    { bytes: model, file: "model" },
    { model: decodeModel(encodeModel(sae), "sae"), file: "sae" },
    { tensor: "layer3/resid_post/Add_0", outputs, ...flags },
  ).bytes;

const data = Float32Array.from({ length: tokens * width }, random);
const given = { x: new ort.Tensor("float32", data, [1, tokens, width]) };
if (flags.steer) given.sae_steer = new ort.Tensor("float32", new Float32Array(latentDim), [latentDim]);
const cases = {
  model: [model, { x: given.x }],
  attached: [at(["latents", "top_values", "top_indices"]), given],
  "attached, top only": [at(["top_values", "top_indices"]), given],
  "encoder's product": [gemm, { activations: new ort.Tensor("float32", data, [tokens, width]) }],
};
const sessions = {};
// One session's waiting threads must not take time from the next one.
const options = { extra: { session: { intra_op: { allow_spinning: "0" } } } };
for (const [name, [bytes]] of Object.entries(cases)) sessions[name] = await ort.InferenceSession.create(bytes, options);
const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
for (let round = 0; round < rounds + 3; round++)
  for (const i of Object.keys(cases).keys()) {
    // Each comes after each of the others as often.
    const [name, [, feeds]] = Object.entries(cases)[(i * (1 + 2 * (round % 2)) + round) % 4];
    const start = performance.now();
    await sessions[name].run(feeds);
    if (round >= 3) times[name].push(performance.now() - start);
  }
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const ms = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
for (const [name, value] of Object.entries(ms)) console.log(`${name}: ${value.toFixed(2)} ms`);
for (const name of ["attached", "attached, top only"]) {
  const beyond = (ms[name] - ms.model - ms["encoder's product"]) / ms.model;
  console.log(`${name}: ${(100 * beyond).toFixed(1)}% of the model beyond the encoder's product`);
}
