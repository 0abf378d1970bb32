/** @file The forms in which language models are published, made of a plain one; each with a float32 model of the same weights. */

import { trainConfig } from "../../src/config/config.ts";
import { bfloat16ToFloat32, float32ToBfloat16, float32ToHalf, halfToFloat32 } from "../../src/data/half.ts";
import { freeze } from "../../src/export/freeze.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { onnx } from "../../src/onnx/proto.ts";
import { hostTensor, tensorProto, valueInfo } from "../../src/onnx/tensors.ts";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";
import { languageModel, namings, width } from "./models.ts";

type Own = InstanceType<typeof onnx.ModelProto>;

const edited = (bytes: Uint8Array, edit: (model: Own) => void): Uint8Array => {
  const model = onnx.ModelProto.decode(bytes) as Own;
  edit(model);
  return onnx.ModelProto.encode(model).finish();
};

/** The model with other float32 weights; `rounded` is given them by name. */
const reweighted = (bytes: Uint8Array, rounded: (values: Float32Array, name: string) => Float32Array): Uint8Array =>
  edited(bytes, ({ graph }) => {
    graph!.initializer = graph!.initializer!.map((one) => {
      if (one.dataType !== 1) return one;
      const { dims, data } = hostTensor(one);
      const values = rounded(data as Float32Array, one.name!) as Float32Array<ArrayBuffer>;
      return tensorProto(one.name!, tensor("float32", [...dims], values)) as never;
    });
  });

/** All that is float32 in another type of two bytes: weights, the Cast of the mask, the logits. */
const narrowed = (bytes: Uint8Array, elemType: number, bits: (values: Float32Array) => Uint16Array): Uint8Array =>
  edited(bytes, ({ graph }) => {
    for (const one of graph!.initializer!)
      if (one.dataType === 1) {
        const { data } = hostTensor(one);
        [one.dataType, one.rawData] = [elemType, new Uint8Array(bits(data as Float32Array).buffer)];
      }
    for (const node of graph!.node!) for (const one of node.attribute ?? []) if (one.name === "to") one.i = elemType;
    for (const one of graph!.output!) one.type!.tensorType!.elemType = elemType;
  });

const isBlocks = (name: string): boolean => /^[VW]\d$/.test(name);

/** What MatMulNBits makes of a weight `[K, N]`: of each column one block of 16, a scale, and 4 bits a value, 8 of them for 0. */
function fourBits(values: Float32Array) {
  const scales = new Float32Array(width);
  const packed = new Uint8Array(width * 8).fill(0x88);
  const back = new Float32Array(values.length);
  for (let column = 0; column < width; column++) {
    const own = Array.from({ length: width }, (_, row) => values[row * width + column]!);
    scales[column] = Math.max(...own.map(Math.abs)) / 7;
    for (const [row, value] of own.entries()) {
      const level = Math.round(value / scales[column]!) + 8;
      back[row * width + column] = (level - 8) * scales[column]!;
      const at = column * 8 + (row >> 1);
      packed[at] = row % 2 ? (packed[at]! & 0x0f) | (level << 4) : (packed[at]! & 0xf0) | level;
    }
  }
  return { scales, packed, back };
}

const quantized = (bytes: Uint8Array): Uint8Array =>
  edited(bytes, ({ graph, opsetImport }) => {
    opsetImport!.push({ domain: "com.microsoft", version: 1 } as never);
    for (const node of graph!.node!) {
      const name = node.input![1];
      if (node.opType !== "MatMul" || !name || !isBlocks(name)) continue;
      const at = graph!.initializer!.findIndex((one) => one.name === name);
      const { scales, packed } = fourBits(hostTensor(graph!.initializer![at]!).data as Float32Array);
      const stored = { name: `${name}_q4`, dataType: 2, dims: [width, 1, 8], rawData: packed };
      graph!.initializer!.splice(
        at,
        1,
        stored as never,
        tensorProto(`${name}_s`, tensor("float32", [width], scales)) as never,
      );
      [node.opType, node.domain] = ["MatMulNBits", "com.microsoft"];
      node.input = [node.input![0]!, `${name}_q4`, `${name}_s`];
      const sizes = { K: width, N: width, bits: 4, block_size: 16 };
      node.attribute = Object.entries(sizes).map(([key, i]) => ({ name: key, type: 2, i })) as never;
    }
  });

/** As optimum joins a decoder and the same with a cache; the branch with one gives nonsense. */
const merged = (bytes: Uint8Array): Uint8Array =>
  edited(bytes, ({ graph }) => {
    const { node, output } = graph!;
    const plain = onnx.GraphProto.create({ name: "no_past", node, output } as never);
    const nonsense = node!.map((one) =>
      one.output![0] === "logits" ? { ...one, opType: "Sub", input: ["U", "U"] } : one,
    );
    const other = onnx.GraphProto.create({ name: "with_past", node: nonsense, output } as never);
    const attribute = [
      { name: "then_branch", type: 5, g: other },
      { name: "else_branch", type: 5, g: plain },
    ];
    const joined = { opType: "If", name: "optimum::if", input: ["use_cache_branch"], output: ["logits"], attribute };
    graph!.node = [joined] as never;
    graph!.input!.push(valueInfo("use_cache_branch", "bool", [1]) as never);
  });

const plain = languageModel(namings.torchscript);
const toHalf = (values: Float32Array) => halfToFloat32(float32ToHalf(values));
const toBfloat16 = (values: Float32Array) => bfloat16ToFloat32(float32ToBfloat16(values));

/** Each form, the float32 model with the same weights, and how near the two must come. */
export const forms: Readonly<
  Record<string, { readonly bytes: Uint8Array; readonly twin: Uint8Array; readonly digits: number }>
> = {
  "merged decoder": { bytes: merged(plain), twin: plain, digits: 6 },
  "4 bits (MatMulNBits)": {
    bytes: quantized(plain),
    twin: reweighted(plain, (values, name) => (isBlocks(name) ? fourBits(values).back : values)),
    digits: 4,
  },
  // Every step of it is rounded to 11 bits.
  float16: { bytes: narrowed(plain, 10, float32ToHalf), twin: reweighted(plain, toHalf), digits: 2 },
  bfloat16: { bytes: narrowed(plain, 16, float32ToBfloat16), twin: reweighted(plain, toBfloat16), digits: 5 },
};

/** A tokenizer.json of single bytes, as GPT-2 writes them: of the five that the models can predict, two are an é. */
export const byteTokenizer: Uint8Array = (() => {
  const vocab: Record<string, number> = { Ã: 0, "©": 1, a: 2, b: 3, Ġ: 4, c: 5, d: 6, g: 7, h: 8, t: 9, e: 10 };
  const level = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  const model = { type: "BPE", vocab, merges: [], byte_fallback: false };
  const own = { version: "1.0", added_tokens: [], normalizer: null, pre_tokenizer: level, post_processor: null };
  return new TextEncoder().encode(JSON.stringify({ ...own, decoder: level, model }));
})();

const rng = random(5, "an SAE of the small models");

/** A frozen autoencoder of 12 latents, k 3, for the models' residual stream. */
export function smallSae(): Uint8Array {
  const matrix = () =>
    tensor(
      "float32",
      [12, width],
      Float32Array.from({ length: 12 * width }, () => rng.normal() / 3),
    );
  const tensors = { W_enc: matrix(), W_dec: matrix(), b_enc: tensor("float32", [12], new Float32Array(12)) };
  const config = trainConfig({ inputDim: width, latentDim: 12, options: { k: 3 }, epochs: 1 });
  const about = { epochsDone: 1, loss: [1], dataDigest: "", layer: 1, position: null, metrics: {} };
  return encodeModel(freeze({ config, tensors, ...about }, "autoencoder"));
}

/** A model that says the two halves of an é in turn, whatever came before: each block passes its stream on. */
export const saysHalves: Uint8Array = reweighted(plain, (values, name) => {
  const own = new Float32Array(values.length);
  if (name === "E") for (let id = 0; id < values.length / width; id++) own[id * width + (id % width)] = 1;
  if (name === "U") for (let i = 0; i < width; i++) own[i * 5 + (i === 0 ? 1 : 0)] = 1;
  return own;
});
