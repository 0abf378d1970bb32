import { realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { readBytes } from "../data/files.node.ts";
import { dataPartsOf } from "../onnx/external.ts";
import type { Hook } from "../onnx/hooks.ts";
import { type Located, locate } from "../onnx/locate.ts";
import { largestMessage } from "../onnx/model.ts";
import { type Runnable, runnable } from "../onnx/runnable.ts";
import { type Tapped, tap } from "../onnx/tap.ts";
import { usableRuntime } from "../runtime/providers.node.ts";
import type { Session } from "../runtime/session.ts";
import { ConfigError, RuntimeFailure } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import { batchOf, checkFed, declaredInputs, feedsOf, type IdBatch, type ModelInput, takesMask } from "./inputs.ts";
import type { EncodedText } from "./text/texts.node.ts";

/** A language model in a file. */
export type LanguageModel = Runnable;

/** A place in a model that is read, and what it is called. */
export interface Tap extends Located {
  readonly name: string;
}

/**
 * The model in a .onnx file; its weights may be in files beside it.
 * @throws {ConfigError} when it cannot be read, is none, or a file of its weights is missing.
 */
export async function openLanguageModel(file: string): Promise<LanguageModel> {
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  if (size > largestMessage)
    throw new ConfigError(
      `${file}: ${size} bytes, more than 2 GB fit no ONNX message; save its weights as external data`,
    );
  const bytes = await readBytes(file);
  const model = runnable(bytes, file);
  for (const location of new Set(dataPartsOf(model.model, file).map((part) => part.location)))
    if (!(await stat(resolve(dirname(file), location)).catch(() => undefined)))
      throw new ConfigError(
        `${resolve(dirname(file), location)}: no such file, the model keeps weights there; put it beside the model`,
      );
  return model;
}

/**
 * The places that names and patterns stand for: `blocks.14`, `blocks.*`, a value's name, `/model/layers.*\/mlp/down_proj/MatMul_output_0`.
 * @throws {ConfigError} for what is not there, with the nearest names and their widths.
 */
export function tapsCalled(model: LanguageModel, patterns: readonly string[]): readonly Tap[] {
  const taps = patterns.flatMap((pattern) => {
    if (!pattern.includes("*")) return [tapAt(model, pattern)];
    const fits = new RegExp(`^${pattern.split("*").map(escaped).join(".*")}$`);
    const hooks = model.hooks.map(({ name }) => name).filter((name) => fits.test(name));
    const values = (model.model.graph?.node ?? [])
      .flatMap(({ output }) => output ?? [])
      .filter((name) => fits.test(name));
    const names = hooks.length > 0 ? hooks : values;
    if (names.length === 0) locate(model, pattern);
    return names.map((name) => tapAt(model, name));
  });
  const twice = taps.find(({ name }, i) => taps.findIndex((other) => other.name === name) < i);
  if (twice) throw new ConfigError(`--at: names ${twice.name} twice; once is enough`);
  return taps;
}

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");

function tapAt(model: LanguageModel, name: string): Tap {
  const located = locate(model, name);
  return { ...located, name: located.hook?.name ?? name };
}

/** What a run over some texts gave. */
export interface Ran {
  readonly batch: IdBatch;
  /** What was tapped, by name, `[texts, length, width]` in most models. */
  readonly taps: Readonly<Record<string, HostTensor<"float32">>>;
  /** Outputs of the model itself, by name. */
  readonly outputs: Readonly<Record<string, HostTensor>>;
}

/** A model that gives inner values of texts. */
export interface TappedModel {
  readonly inputs: readonly ModelInput[];
  /** Whether texts of several lengths may be run together: filling is told to the model. */
  readonly fills: boolean;
  readonly run: (texts: readonly EncodedText[]) => Promise<Ran>;
  readonly release: () => Promise<void>;
}

/** How a tapped model is opened. */
export interface TapOptions {
  /** Outputs of the model that a run gives too, such as `logits`. Default: none. */
  readonly keep?: readonly string[];
  readonly threads?: number | undefined;
  /** Names of further inputs that every text brings itself. */
  readonly brought?: readonly string[];
}

/**
 * The model with some places read: only what they need is computed.
 * @throws {ConfigError} naming inputs that nobody feeds. @throws {RuntimeFailure} when ONNX Runtime refuses the model.
 */
export async function openTapped(
  { bytes, model, file }: LanguageModel,
  taps: readonly Tap[],
  { keep = [], threads, brought = [] }: TapOptions = {},
): Promise<TappedModel> {
  // A name of the user's may be one of the model's.
  const outputs = taps.map(({ name, value }, i) => ({ name, value, output: `tapped/${i}` }));
  const tapped: Tapped = tap(
    bytes,
    model,
    { taps: Object.fromEntries(outputs.map(({ output, value }) => [output, value])), keep },
    file,
  );
  const inputs = declaredInputs(model, tapped.inputs, file);
  checkFed(inputs, file, brought);
  const session: Session = await (await usableRuntime("cpu")).open(
    { bytes: tapped.bytes, external: [], folder: dirname(await realpath(file)) },
    { threads, prepack: true },
  );
  return {
    inputs,
    fills: takesMask(inputs),
    async run(texts) {
      const batch = batchOf(texts);
      const given = Object.fromEntries(
        inputs.flatMap(({ name }) => (brought.includes(name) ? [[name, stacked(texts, name)] as const] : [])),
      );
      const results = await session.run(feedsOf(inputs, batch, file, given)).catch((error) => {
        throw ofTexts(error, texts, file);
      });
      return {
        batch,
        taps: Object.fromEntries(outputs.map(({ name, output }) => [name, results[output] as HostTensor<"float32">])),
        outputs: Object.fromEntries(keep.map((name) => [name, results[name]!])),
      };
    },
    release: () => session.release(),
  };
}

/**
 * A failure of the model with the texts it failed on: a text that is longer than the model is made for fails somewhere inside, and one of ids
 * that it has not where it looks them up.
 */
function ofTexts(error: unknown, texts: readonly EncodedText[], file: string): unknown {
  if (!(error instanceof RuntimeFailure)) return error;
  const [, found, last] = /idx=(\d+) must be within the inclusive range \[-\d+,(\d+)\]/.exec(error.message) ?? [];
  const id = Number(found);
  const owner = texts.find((text) => text.ids.includes(id));
  // In a text of so many tokens it may be a position.
  if (owner && texts.every((text) => text.ids.length <= id))
    return new RuntimeFailure(
      `${file}: token id ${id}${owner.number < 0 ? "" : ` of text ${owner.number}`} is none of the model's, which are 0 to ${last}; is it the right tokenizer (${error.message})`,
      { cause: error },
    );
  const { number, ids } = texts.reduce((longest, text) => (text.ids.length > longest.ids.length ? text : longest));
  const [what, then] =
    number < 0
      ? ["the prompt and what follows it", "where it is made for fewer, give a shorter --prompt, or fewer --tokens"]
      : [`text ${number}`, "where it is made for fewer, give --max-tokens, else leave the text out"];
  return new RuntimeFailure(`${file}: cannot take ${what}, ${ids.length} tokens; ${then} (${error.message})`, {
    cause: error,
  });
}

/** An input that each text brings itself, of all of them. */
function stacked(texts: readonly EncodedText[], name: string): HostTensor {
  const all = texts.map(({ inputs }) => inputs[name]!);
  const { dtype, dims, data } = all[0]!;
  const joined = new (data.constructor as new (length: number) => typeof data)(data.length * all.length);
  for (const [i, one] of all.entries()) (joined as Float32Array).set(one.data as Float32Array, i * data.length);
  return tensor(dtype, [all.length, ...dims], joined as never);
}

/** Lines of what can be read of a model: `blocks.14  576  add_107  model.layers.14`. */
export const hookLines = (hooks: readonly Hook[]): readonly (readonly string[])[] =>
  hooks.map(({ name, width, value, module }) => [name, String(width ?? "?"), value, module]);
