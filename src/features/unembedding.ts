import { type ArrayFile, activationSetOf, type MatrixChoice, parseArrays } from "../data/activations.ts";
import { type DataPart, dataPartOf, withData } from "../onnx/external.ts";
import { decodeModel } from "../onnx/model.ts";
import type { TensorProto } from "../onnx/proto.ts";
import { dataTypes, hostTensor } from "../onnx/tensors.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import { largest } from "./largest.ts";
import type { Product } from "./products.ts";

type Matrix = HostTensor<"float32">;

/** How libraries call the matrix that makes logits of a language model's last activations. */
const names = /unembed|lm_head|embed_out|(^|[^a-z])W_U([^a-z]|$)/i;

/** Whether a file of arrays is an unembedding, by what it or one of its matrices is called. */
export const isUnembedding = (name: string, { tensors }: ArrayFile): boolean =>
  names.test(name) || [...tensors.keys()].some((one) => names.test(one));

/** Which matrix is meant, and the bytes of `unembeddingPart`, where there is one. */
interface UnembeddingChoice extends MatrixChoice {
  readonly outside?: Uint8Array | undefined;
}

/**
 * The unembedding `[vocabulary, outputDim]` in the bytes of a .safetensors, .npz or .npy file, or of a language model (.onnx): the matrix that is called
 * one, else the only one; of a model the one that its logits are made with.
 * @throws {ConfigError} when there is none, or it is not finite.
 */
export function parseUnembedding(bytes: Uint8Array, file: string, choice: UnembeddingChoice = {}): Matrix {
  if (isModel(file)) {
    const { constant, isTransposed } = constantOf(bytes, file);
    const matrix = hostTensor(choice.outside ? withData(constant, choice.outside) : constant) as Matrix;
    return isTransposed ? matrix : transposed(matrix);
  }
  const arrays = parseArrays(bytes, file);
  const called = [...arrays.tensors.keys()].filter((name) => names.test(name));
  const own = called.length === 1 ? { tensor: called[0] } : {};
  return activationSetOf(arrays, file, { ...own, ...choice }).activations;
}

/** Where the unembedding of a language model lies in a file beside it; `undefined` where it does not. @throws {ConfigError} as `parseUnembedding`. */
export function unembeddingPart(bytes: Uint8Array, file: string): DataPart | undefined {
  if (!isModel(file)) return undefined;
  const { constant } = constantOf(bytes, file);
  return constant.dataLocation === 1 ? dataPartOf(constant, file) : undefined;
}

const isModel = (file: string): boolean => /\.onnx$/i.test(file);

/** The constant that `logits` is a product with; `isTransposed` where it is `[vocabulary, width]`. */
function constantOf(bytes: Uint8Array, file: string): { constant: TensorProto; isTransposed: boolean } {
  const { graph } = decodeModel(bytes, file);
  const maker = (output: string) => graph?.node?.find((node) => node.output?.includes(output));
  let last = maker("logits");
  // What only changes the type of the logits.
  if (last?.opType === "Cast") last = maker(last.input?.[0] ?? "");
  const isProduct = last?.opType === "MatMul" || last?.opType === "Gemm";
  let name = isProduct ? (last!.input?.[1] ?? "") : "";
  let isTransposed = last?.attribute?.some((one) => one.name === "transB" && Number(one.i) === 1) ?? false;
  const turned = maker(name);
  if (turned?.opType === "Transpose") [name, isTransposed] = [turned.input?.[0] ?? "", !isTransposed];
  const constant = graph?.initializer?.find((one) => one.name === name);
  if (constant?.dataType !== dataTypes.float32 || constant.dims?.length !== 2)
    throw new ConfigError(
      `${file}: its logits are no product with a float32 matrix of its weights; give the unembedding [vocabulary, width] as .npy or .safetensors`,
    );
  return { constant, isTransposed };
}

function transposed({ dims, data }: Matrix): Matrix {
  const [rows, columns] = dims as [number, number];
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column]!;
  return tensor("float32", [columns, rows], turned);
}

/** Checks that an unembedding is as wide as a decoder. @throws {ConfigError} when it is not, or there is no decoder. */
export function checkUnembedding({ dims }: Matrix, name: string, decoder: Matrix | undefined, file: string): void {
  if (!decoder)
    throw new ConfigError(
      `${file}: keeps no decoder W_dec, which an unembedding needs; give the .autoencoder.onnx beside it`,
    );
  const width = decoder.dims[1]!;
  if (dims[1] !== width)
    throw new ConfigError(
      `${name}: an unembedding [${dims.join(", ")}], the decoder of ${file} is ${width} wide; need [vocabulary, ${width}]${dims[0] === width ? ", transpose it" : ", is it of another language model?"}`,
    );
}

/** Checks that tokens are not of a larger vocabulary than an unembedding's. */
export function checkVocabulary(vocabulary: readonly unknown[], own: string, { dims }: Matrix, name: string): void {
  if (vocabulary.length > dims[0]!)
    throw new ConfigError(
      `${own}: ${vocabulary.length} tokens, the unembedding ${name} has ${dims[0]} rows; are they of one language model?`,
    );
}

/** The tokens with the largest and the smallest products with one decoder row, `count` of each, the most extreme first. */
export function promotedBy(
  direction: Float32Array,
  { dims, data }: Matrix,
  count: number,
): { readonly promoted: Product[]; readonly suppressed: Product[] } {
  const [rows, width] = dims as [number, number];
  const products = Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += direction[i]! * data[row * width + i]!;
    return sum;
  });
  // `largest` takes sizes above 0: distances from the other end are.
  const [low, high] = products.reduce(([l, h], one) => [Math.min(l, one), Math.max(h, one)], [Infinity, -Infinity]);
  const listed = (size: (token: number) => number) =>
    largest(products.keys(), count, size).map((index) => ({ index, value: products[index]! }));
  return {
    promoted: listed((token) => products[token]! - low + 1),
    suppressed: listed((token) => high - products[token]! + 1),
  };
}
