/**
 * @file Universal Sentence Encoder Lite as a graph: two layers of a pre-LN transformer encoder, then the mean over tokens, one
 * tanh layer and unit length. Source: Cer et al. 2018 (arXiv 1803.11175), and the published graph, which it equals to float rounding.
 */

import { weightTypes } from "../../dist/export/weights/index.js";
import { input, op, scope, tensor } from "../../dist/node.js";
import { longest } from "./tokenizer.mjs";

const heads = 4;
const layers = [0, 1];
/** Added to what a padded token would weigh in attention. */
const masked = -1e9;
/** LayerNorm's, and the least square length of a sentence's vector. */
const [epsilon, least] = [1e-6, 1e-12];

/**
 * The model's draft, for `buildModel`. Inputs `input_ids` and `attention_mask` (1: a token, 0: padding), int64 [batch, sequence], of 128
 * tokens at most; output `sentence_embedding` [batch, 512]. The residual stream after each layer is the value `blocks.0`, `blocks.1`
 * [batch, sequence, 512] inside.
 * `dtype` is how matrices are stored: float32, float16 or int8; all is computed in float32.
 */
export function useLite(weight, dtype = "float32") {
  const vector = (ending, name) => op.constant(weight(ending), name);
  const matrix = (ending, name) => weightTypes[dtype].stored(weight(ending), name);
  const linear = (x, [kernel, bias], name) =>
    op.add(op.matMul(x, matrix(kernel, `${name}.weight`)), vector(bias, `${name}.bias`));

  const input_ids = input("int64", ["batch", "sequence"]);
  const attention_mask = input("int64", ["batch", "sequence"]);
  // Not by Cast: WebGPU has none from int64.
  const mask = op.gather(op.constant(tensor("float32", [2], Float32Array.of(0, 1))), attention_mask);

  const embedded = scope("embed", () => {
    const token = op.gather(matrix("module/Embeddings_en", "embed.weight"), input_ids);
    const position = op.cast(op.sub(op.cumSum(mask, 1), 1), "int64");
    const timing = op.gather(op.constant(timings(weight("TimingSignal/ExpandDims_1")), "embed.timing"), position);
    // The published graph adds the token's vector once more to what it has added the position's to.
    return op.add(token, op.add(token, timing));
  });
  const unseen = scope("unseen", () => op.unsqueeze(op.mul(op.sub(1, mask), masked), [1, 2]));

  const blocks = {};
  let stream = embedded;
  for (const layer of layers) {
    const name = `blocks.${layer}`;
    stream = scope(name, () => block(stream, unseen, { linear, vector, layer, name }));
    blocks[name] = stream;
  }

  const sentence_embedding = scope("sentence", () => {
    const weights = op.unsqueeze(mask, [2]);
    const mean = op.div(op.reduceSum(op.mul(stream, weights), { axes: [1] }), op.reduceSum(weights, { axes: [1] }));
    const head = op.tanh(linear(mean, ["tanh_layer_0/weights", "tanh_layer_0/bias"], "sentence"));
    const square = op.reduceSumSquare(head, { axes: [1], keepDims: true });
    return op.div(head, op.sqrt(op.max(square, least)));
  });

  return {
    name: "use-lite",
    inputs: { input_ids, attention_mask },
    outputs: { sentence_embedding },
    values: blocks,
    metadata: { model: "Universal Sentence Encoder Lite", license: "Apache-2.0", dtype },
  };
}

/**
 * Sines, then cosines, of each position times each frequency, [128, 256]. Positions count tokens, from 0. They are worked out here:
 * WebGPU's sine need only be near to 2^-11, and only up to pi. Source: the WGSL specification, "Accuracy of Built-in Functions".
 */
function timings({ data: frequencies }) {
  const rows = Array.from({ length: longest }, (_, position) => {
    const angles = Array.from(frequencies, (frequency) => Math.fround(position * frequency));
    return [...angles.map(Math.sin), ...angles.map(Math.cos)];
  });
  return tensor("float32", [longest, 2 * frequencies.length], Float32Array.from(rows.flat()));
}

/** One layer: attention and an MLP, each on what is normalised and each added to the stream. The first layer widens 256 to 512. */
function block(x, unseen, { linear, vector, layer, name }) {
  const at = (path) => `Layer_${layer}/TransformerLayer/${path}`;
  const whole = "ConcatPartitions/concat";
  const norm = (value, path, own) => {
    const [scale, bias] = ["scale", "bias"].map((part) =>
      vector(at(`${path}layer_prepostprocess/layer_norm/layer_norm_${part}/${whole}`), `${name}.${own}.${part}`),
    );
    return layerNorm(value, scale, bias);
  };
  const biasOf = (path) => at(`${path}/bias/${whole}`);

  const residual =
    x.shape.at(-1) === 512 ? x : linear(x, [at(`dense/kernel/${whole}`), biasOf("dense")], `${name}.widen`);
  const joined = scope("attention", () => {
    const part = (own) => [at(`MultiheadAttention/${own}/kernel/part_0`), biasOf(`MultiheadAttention/${own}`)];
    const normed = norm(x, "", "norm1");
    const qkv = linear(normed, part("qkv_transform_single"), `${name}.attention.qkv`);
    return linear(attention(qkv, unseen), part("output_transform_single"), `${name}.attention.out`);
  });
  const middle = op.add(joined, residual);
  const answer = scope("mlp", () => {
    const part = (own) => [at(`FFN/${own}/Tensordot/Reshape_1`), biasOf(`FFN/${own}`)];
    const hidden = op.relu(linear(norm(middle, "FFN/", "norm2"), part("conv1"), `${name}.mlp.in`));
    return linear(hidden, part("conv2"), `${name}.mlp.out`);
  });
  return op.add(answer, middle);
}

/** Each token's vector less its mean, over its deviation. Source: Ba et al. 2016 (arXiv 1607.06450), equation 4. */
function layerNorm(x, scale, bias) {
  const over = { axes: [2], keepDims: true };
  const centred = op.sub(x, op.reduceMean(x, over));
  const variance = op.reduceMean(op.pow(centred, 2), over);
  return op.add(op.mul(op.div(centred, op.sqrt(op.add(variance, epsilon))), scale), bias);
}

/** Softmax attention of `heads` heads over queries, keys and values that lie side by side. Source: Vaswani et al. 2017, 3.2. */
function attention(qkv, unseen) {
  const width = qkv.shape[2] / 3;
  const [query, key, value] = [0, 1, 2].map((i) => {
    const own = op.slice(qkv, { axis: 2, from: i * width, to: (i + 1) * width });
    return op.transpose(op.reshape(own, [0, 0, heads, width / heads]), [0, 2, 1, 3]);
  });
  const scores = op.matMul(op.mul(query, 1 / Math.sqrt(width / heads)), op.transpose(key));
  const seen = op.matMul(op.softmax(op.add(scores, unseen)), value);
  return op.reshape(op.transpose(seen, [0, 2, 1, 3]), [0, 0, width]);
}
