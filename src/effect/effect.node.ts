import { originInMetadata } from "../checkpoint/origin.ts";
import { batchesByLength } from "../harvest/batches.ts";
import type { LanguageModel } from "../harvest/model.node.ts";
import { type Positions, parsePositions, positionsOf } from "../harvest/positions.ts";
import { type EncodedText, readTexts } from "../harvest/text/texts.node.ts";
import type { TextTokenizer } from "../harvest/text/tokenizer.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { type Change, checkLatents, usual } from "./changes.ts";
import { type Continuation, continued } from "./continue.node.ts";
import { type Halves, openHalves } from "./halves.node.ts";
import type { GroupLosses, PositionLosses } from "./losses.ts";
import { type Measure, NextTokenMeasure } from "./measure.ts";
import { gathered, type Places, replaced } from "./rowsAt.ts";
import { type OpenSae, openSae } from "./sae.node.ts";
import { rowsOfVariants, type Variant, variantsOf } from "./variants.node.ts";
import { rowOf, TextVectors, type VectorEffect, VectorMeasure } from "./vectors.ts";

/** What is measured on what. */
export interface EffectRequest {
  readonly model: LanguageModel;
  /** A frozen .autoencoder.onnx or a checkpoint. */
  readonly sae: string;
  /** Where it is put; default: where its rows come from. */
  readonly at?: string | undefined;
  readonly text: string;
  readonly tokenizer: TextTokenizer | undefined;
  readonly textKey?: string | undefined;
  /** Which activations are changed; default: those at positions that the SAE was trained for, else all. */
  readonly positions?: string | undefined;
  /** Whether special tokens are changed and predicted as others are. */
  readonly keepSpecial: boolean;
  /** Whether the tokenizer puts none around a text. */
  readonly plain: boolean;
  readonly maxTokens: number;
  readonly limit?: number | undefined;
  /** The output that is measured. Default: logits, else a sentence's vector. */
  readonly output?: string | undefined;
  /** Changes of latents, beside the usual ones. */
  readonly changes: readonly Change[];
  /** Draws of random directions for the reconstruction and each change of latents. */
  readonly controls: number;
  readonly seed: number;
  readonly batchTokens: number;
  readonly threads?: number | undefined;
  /** Text that is gone on with under every change, and by how many tokens. */
  readonly prompt?: { readonly text: string; readonly tokens: number } | undefined;
  /** Told what is to know of where the SAE is put, and how many tokens are done. */
  readonly onCaution?: (line: string) => void;
  readonly onTokens?: (done: number) => void;
}

/** What was found. */
export interface Effect {
  readonly at: string;
  readonly output: string;
  readonly positions: string;
  readonly seed: number;
  readonly texts: number;
  /** Texts of fewer than two tokens, which are left out of next-token losses. */
  readonly short: number;
  /** Tokens run, and rows whose activation is changed. */
  readonly tokens: number;
  readonly changed: number;
  /** Of a language model: of all predicted tokens, and of those at some positions. */
  readonly losses?: GroupLosses & { readonly positions: readonly PositionLosses[] };
  /** Of a text encoder, by the names of changes. */
  readonly vectors?: Readonly<Record<string, VectorEffect>>;
  readonly continuations?: readonly Continuation[];
}

/** Tokens that are read before they are run in batches of like length, in batches. */
const readAhead = 16;

/**
 * Measures what it does to a model that an SAE's reconstruction, or less, takes an activation's place.
 * @throws {ConfigError} for what does not fit together: model, SAE, place, output, latents, texts.
 */
export async function measureEffect(request: EffectRequest): Promise<Effect> {
  const { model, threads } = request;
  const sae = await openSae(request.sae, threads);
  try {
    checkLatents(request.changes, sae.attachable.latentDim, request.sae);
    const first = await firstText(request);
    const halves = await openHalves(model, sae, {
      ...{ at: placeOf(request, sae), output: request.output, threads, brought: Object.keys(first.inputs) },
    });
    try {
      for (const caution of halves.cautions) request.onCaution?.(caution);
      return await measured({ request, sae, halves, wanted: wantedPositions(request, sae) }, first);
    } finally {
      await halves.release();
    }
  } finally {
    await sae.release();
  }
}

/** Everything a pass over the texts needs. */
interface Setting {
  readonly request: EffectRequest;
  readonly sae: OpenSae;
  readonly halves: Halves;
  readonly wanted: { readonly text: string; readonly positions: Positions };
}

async function measured(setting: Setting, first: EncodedText): Promise<Effect> {
  const { request, halves, wanted } = setting;
  const given = await halves.after([first], await halves.before([first]));
  const isLogits = given.dims.length === 3 && given.dims[1] === first.ids.length;
  if (!isLogits && given.dims.length !== 2)
    throw new ConfigError(
      `${request.model.file}: output ${halves.output} is [${given.dims.join(", ")}] for a text of ${first.ids.length} tokens: neither logits [texts, tokens, vocabulary] nor a vector a text; name another with --output`,
    );
  if (!isLogits && request.prompt)
    throw new ConfigError(`--prompt: needs logits, and output ${halves.output} is a vector a text; leave it out`);
  const vectors = isLogits ? undefined : new TextVectors();
  const surveyed = await survey(setting, isLogits ? 2 : 1, vectors);
  const variants = variantsOf([...usual, ...request.changes], request.controls);
  const names = variants.map(({ name }) => name);
  const next = isLogits ? new NextTokenMeasure(names, request.model.file) : undefined;
  const distance = vectors ? new VectorMeasure(names.length, vectors) : undefined;
  await measureAll(setting, surveyed, variants, (next ?? distance)!, isLogits ? 2 : 1);
  const losses = next?.sums.results();
  if (losses && losses.all.tokens === 0)
    throw new ConfigError(`${request.text}: no token of it is predicted; special ones are with --special-tokens keep`);
  const { texts, short, tokens, changed, mean } = surveyed;
  return {
    ...{ at: halves.at, output: halves.output, positions: wanted.text, seed: request.seed },
    ...{ texts, short, tokens, changed },
    ...(losses ? { losses: { ...losses.all, positions: losses.byPosition } } : {}),
    ...(distance ? { vectors: Object.fromEntries(distance.results().map((effect, i) => [names[i]!, effect])) } : {}),
    ...(request.prompt && isLogits
      ? {
          continuations: await continued(request.prompt, {
            ...{ halves, variants, tokenizer: request.tokenizer },
            plain: request.plain,
            async change(variant, text, activation) {
              for await (const changed of changedBy(setting, [variant], mean, [text], activation))
                if (changed) return changed;
              return activation;
            },
          }),
        }
      : {}),
  };
}

/** What a first pass finds: what texts there are, and the mean of the rows that are changed. */
interface Survey {
  readonly texts: number;
  readonly short: number;
  readonly tokens: number;
  readonly changed: number;
  readonly mean: Float64Array;
}

async function survey(setting: Setting, shortest: number, vectors: TextVectors | undefined): Promise<Survey> {
  const { request, halves, sae, wanted } = setting;
  const mean = new Float64Array(sae.attachable.inputDim);
  const total = { texts: 0, short: 0, tokens: 0, changed: 0 };
  // Of a text the last token predicts none: what is changed there shows in no loss.
  let seen = 0;
  for await (const { texts, short } of batches(setting, shortest)) {
    total.short += short;
    if (texts.length === 0) continue;
    const activation = await halves.before(texts);
    const places = placesIn(texts, setting);
    const rows = gathered(activation, places);
    for (let i = 0; i < rows.length; i++) mean[i % mean.length]! += rows[i]!;
    if (vectors) {
      const given = await halves.after(texts, activation);
      for (const [i, { number, text }] of texts.entries()) vectors.add(number, rowOf(given, i), text);
    }
    total.texts += texts.length;
    total.tokens += texts.reduce((sum, { ids }) => sum + ids.length, 0);
    total.changed += places.length;
    seen += places.filter(([text, at]) => at < texts[text]!.ids.length - 1).length;
  }
  if (total.texts === 0)
    throw new ConfigError(
      `${request.text}: ${total.short === 0 ? "no text in it" : `all its ${total.short} texts have fewer than ${shortest} tokens, so none is predicted`}; give longer ones`,
    );
  if (total.changed === 0)
    throw new ConfigError(
      `--positions ${wanted.text}: none of the ${total.texts} texts has such a position; name others`,
    );
  if (!vectors && seen === 0)
    throw new ConfigError(
      `--positions ${wanted.text}: no token is predicted from there, so no loss would change${request.positions === undefined ? " (the SAE was trained on rows at these)" : ""}; name others, such as 1.. or all`,
    );
  return { ...total, mean: mean.map((sum) => sum / total.changed) };
}

/** Measures every variant on every batch. */
async function measureAll(
  setting: Setting,
  { mean }: Survey,
  variants: readonly Variant[],
  measure: Measure,
  shortest: number,
): Promise<void> {
  const { request, halves } = setting;
  let done = 0;
  for await (const { texts } of batches(setting, shortest)) {
    if (texts.length === 0) continue;
    const activation = await halves.before(texts);
    const clean = await halves.after(texts, activation);
    measure.clean(request.keepSpecial ? texts.map(unmarked) : texts, clean);
    let number = 0;
    for await (const changed of changedBy(setting, variants, mean, texts, activation))
      measure.changed(number++, changed ? await halves.after(texts, changed) : clean);
    done += texts.reduce((sum, { ids }) => sum + ids.length, 0);
    request.onTokens?.(done);
  }
}

/** The activation of some texts under every variant; `undefined` where nothing in it is changed. */
async function* changedBy(
  setting: Setting,
  variants: readonly Variant[],
  mean: Float64Array,
  texts: readonly EncodedText[],
  activation: HostTensor<"float32">,
): AsyncGenerator<HostTensor<"float32"> | undefined> {
  const { sae, request } = setting;
  const places = placesIn(texts, setting);
  if (places.length === 0) {
    for (const _ of variants) yield undefined;
    return;
  }
  const named = places.map(([text, position]) => ({ text: texts[text]!.number, position }));
  const rows = gathered(activation, places);
  for await (const other of rowsOfVariants(variants, rows, named, { sae, mean, seed: request.seed }))
    yield other && replaced(activation, places, other);
}

const unmarked = (text: EncodedText): EncodedText => ({ ...text, special: new Uint8Array(text.ids.length) });

const placesIn = (texts: readonly EncodedText[], { request, wanted }: Setting): Places =>
  texts.flatMap((text, i) =>
    Array.from(
      positionsOf(request.keepSpecial ? unmarked(text) : text, wanted.positions, request.seed),
      (at) => [i, at] as const,
    ),
  );

/** The texts in batches of like length, a part of the file after the other; and how many of them were too short. */
async function* batches({ request, halves }: Setting, shortest: number) {
  let pending: EncodedText[] = [];
  let tokens = 0;
  let short = 0;
  function* run() {
    const lengths = pending.map(({ ids }) => ids.length);
    for (const members of batchesByLength(lengths, request.batchTokens, halves.fills))
      yield { texts: members.map((at) => pending[at]!), short: 0 };
    yield { texts: [], short };
    [pending, tokens, short] = [[], 0, 0];
  }
  for await (const text of textsOf(request)) {
    if (text.ids.length < shortest) {
      short++;
      continue;
    }
    pending.push(text);
    tokens += text.ids.length;
    if (tokens >= readAhead * request.batchTokens) yield* run();
  }
  yield* run();
}

const textsOf = ({ text, tokenizer, textKey, maxTokens, plain, limit }: EffectRequest) =>
  readTexts(text, { tokenizer, key: textKey, maxTokens, plain, limit });

/** The first text that has a token. */
async function firstText(request: EffectRequest): Promise<EncodedText> {
  for await (const text of textsOf(request)) if (text.ids.length > 0) return text;
  throw new ConfigError(`${request.text}: no text in it; give one a line`);
}

/** Where the SAE's rows come from, by one of the names that its origin may have for it. */
function placeOf({ at, sae: file }: EffectRequest, { attachable }: OpenSae): string {
  const origin = originInMetadata(attachable.metadata);
  const place = at ?? origin?.hook ?? origin?.hook_name;
  if (typeof place === "string") return place;
  throw new ConfigError(
    `--at: is needed, as ${file} does not say where its rows come from; harvest --list names places`,
  );
}

function wantedPositions({ positions }: EffectRequest, { attachable }: OpenSae): Setting["wanted"] {
  const trained = originInMetadata(attachable.metadata)?.positions;
  // One at random of each text comes from everywhere.
  const own = trained === undefined || trained === "random" ? "all" : String(trained);
  const text = positions ?? own;
  return { text, positions: parsePositions("positions", text) };
}
