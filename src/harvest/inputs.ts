/** @file What the inputs of a published language model are fed with, by their names. */
import { type Model, toNumber } from "../onnx/proto.ts";
import { dataTypeName, dtypeOf, shapeOf } from "../onnx/tensors.ts";
import { ConfigError } from "../util/errors.ts";
import { type DType, type HostTensor, tensor, zeros } from "../util/tensor.ts";

/** Texts of a batch, filled up to one length at their ends. */
export interface IdBatch {
  /** How many texts, and the length they are filled up to. */
  readonly texts: number;
  readonly length: number;
  /** `[texts, length]`. */
  readonly ids: Int32Array;
  /** Tokens of each text. */
  readonly lengths: Int32Array;
}

/** An input of a model, as declared. */
export interface ModelInput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (number | string)[] | undefined;
}

/** Makes one input of a batch. */
type Feed = (batch: IdBatch, input: ModelInput, file: string) => HostTensor;

/** Inputs by their names in what transformers, optimum, torch.onnx and transformers.js export. The first that fits counts. */
const feeds: readonly (readonly [name: RegExp, feed: Feed])[] = [
  [/^(decoder_)?input_ids$|^tokens$|^ids$/, tokenIds],
  [/^((decoder|encoder)_)?attention_mask$/, (batch, input) => whole(input, batch, (at) => Number(isToken(batch, at)))],
  [/^position_ids$/, (batch, input) => whole(input, batch, (at) => at % batch.length)],
  [/^token_type_ids$/, (batch, input) => whole(input, batch, () => 0)],
  [/^cache_position$/, ({ length }, input) => filled(input, [length], (at) => at)],
  [/^past_key_values?\.|^past_key_values?_|^past_\d|^past(_self|_cross)?_(key|value)/, emptyCache],
  [/^use_cache_branch$/, (_, input) => filled(input, [1], () => 0)],
  // 0 asks for the logits of all tokens.
  [/^(num_)?logits_to_keep$/, (_, input) => filled(input, input.shape?.length === 1 ? [1] : [], () => 0)],
];

function tokenIds(batch: IdBatch, input: ModelInput, file: string): HostTensor {
  if (batch.ids.includes(-1))
    throw new ConfigError(
      `${file}: needs ${input.name}, and the texts have none; give an array input_ids [texts, length]`,
    );
  return whole(input, batch, (at) => batch.ids[at]!);
}

/** Whether a place of a batch is a token, and no filling. */
const isToken = ({ length, lengths }: IdBatch, at: number): boolean => at % length < lengths[Math.floor(at / length)]!;

const whole = (input: ModelInput, { texts, length }: IdBatch, value: (at: number) => number): HostTensor =>
  filled(input, [texts, length], value);

/** A tensor of an input's type. */
function filled({ dtype, name }: ModelInput, dims: readonly number[], value: (at: number) => number): HostTensor {
  const made = zeros(dtype, dims);
  if (dtype === "float16") throw new ConfigError(`input ${name}: is of float16, whole numbers are fed into it`);
  if (made.data instanceof BigInt64Array) for (let i = 0; i < made.data.length; i++) made.data[i] = BigInt(value(i));
  else for (let i = 0; i < made.data.length; i++) made.data[i] = value(i);
  return made;
}

/** Keys and values of no earlier tokens. A named dim is the number of texts where it is the first, else a length: 0. */
function emptyCache({ texts }: IdBatch, { name, dtype, shape }: ModelInput, file: string): HostTensor {
  if (!shape || shape.length < 3)
    throw new ConfigError(
      `${file}: input ${name} is a cache whose shape is not declared; infer the model's shapes first`,
    );
  const dims = shape.map((dim, i) => (i === 0 ? texts : typeof dim === "number" ? dim : 0));
  return tensor(dtype, dims, zeros(dtype, dims).data);
}

/** The declared inputs of these names. @throws {ConfigError} for one of a type that cannot be fed from here. */
export function declaredInputs(model: Model, names: readonly string[], file: string): readonly ModelInput[] {
  const declared = new Map((model.graph?.input ?? []).map((info) => [info.name ?? "", info]));
  return names.map((name) => {
    const info = declared.get(name)!;
    const type = toNumber(info.type?.tensorType?.elemType);
    const dtype = dtypeOf(type);
    if (!dtype)
      throw new ConfigError(
        `${file}: input ${name} is of ${dataTypeName(type)}, which cannot be fed from JavaScript; export it with float32 inputs`,
      );
    return { name, dtype, shape: shapeOf(info) };
  });
}

/** Whether filled-up places can be told to a model. */
export const takesMask = (inputs: readonly ModelInput[]): boolean =>
  inputs.some(({ name }) => /attention_mask$/.test(name));

/**
 * The inputs of a batch. `given` are further ones, made by the caller.
 * @throws {ConfigError} naming the inputs that nobody feeds.
 */
export function feedsOf(
  inputs: readonly ModelInput[],
  batch: IdBatch,
  file: string,
  given: Readonly<Record<string, HostTensor>> = {},
): Record<string, HostTensor> {
  checkFed(inputs, file, Object.keys(given));
  return Object.fromEntries(
    inputs.map((input) => {
      const { name } = input;
      return [name, given[name] ?? feeds.find(([pattern]) => pattern.test(name))![1](batch, input, file)];
    }),
  );
}

/** @throws {ConfigError} naming the inputs that nobody feeds, before anything runs. */
export function checkFed(inputs: readonly ModelInput[], file: string, given: readonly string[] = []): void {
  const unfed = inputs.filter(({ name }) => !given.includes(name) && !feeds.some(([pattern]) => pattern.test(name)));
  if (unfed.length > 0)
    throw new ConfigError(
      `${file}: nothing here feeds ${unfed.map(({ name, dtype, shape }) => `${name} (${dtype} [${shape?.join(", ") ?? "?"}])`).join(", ")}; give arrays of these names in --text FILE.npz, one entry a text`,
    );
}

/** Whether a model reads tokens of texts. */
export const takesTokens = (model: Model): boolean =>
  (model.graph?.input ?? []).some(({ name }) => feeds[0]![0].test(name ?? ""));

/** Texts side by side, filled up with zeros at their ends. */
export function batchOf(texts: readonly { readonly ids: Int32Array }[]): IdBatch {
  const lengths = Int32Array.from(texts, ({ ids }) => ids.length);
  const length = Math.max(...lengths);
  const ids = new Int32Array(texts.length * length);
  for (const [row, text] of texts.entries()) ids.set(text.ids, row * length);
  return { texts: texts.length, length, ids, lengths };
}
