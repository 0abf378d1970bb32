import { writeSafetensors } from "../data/safetensors.ts";
import { likeliest } from "../effect/nextToken.ts";
import { attach } from "../export/attach/attach.ts";
import { type Active, activeOf, type TextCodes } from "../features/atlas.ts";
import { largest } from "../features/largest.ts";
import { batchesByLength } from "../harvest/batches.ts";
import { batchOf, checkFed, declaredInputs, feedsOf, type ModelInput, takesMask } from "../harvest/inputs.ts";
import { rowsIn } from "../harvest/rows.ts";
import type { TextTokenizer, Tokens } from "../harvest/text/tokenizer.ts";
import { locate } from "../onnx/locate.ts";
import { decodeModel, packModel } from "../onnx/model.ts";
import { onlyOutputs } from "../onnx/prune.ts";
import { type Runnable, runnable, valueAt } from "../onnx/runnable.ts";
import { tap } from "../onnx/tap.ts";
import type { Runtime, Session } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import type { Done, ModelFile } from "./messages.ts";
import { tokenizerOf } from "./tokensOfLabels.ts";

/** A place that an SAE can stand at. */
export interface Place {
  readonly name: string;
  readonly width: number | null;
}

/** What comes out of a language model that a push can be seen by. */
export type Ending = "sentence_embedding" | "logits";

/** Which latent is pushed, and by how much. */
export interface Push {
  readonly latent: number;
  readonly strength: number;
}

/** A text as an SAE sees it. */
export interface Read {
  readonly codes: TextCodes;
  /** A text encoder's: the texts it is most like, with their cosines. */
  readonly alike?: readonly { readonly text: string; readonly cosine: number }[] | undefined;
}

/** Tokens of a batch, tokens of a text, and texts that a sentence is compared with, at most. */
const most = { batch: 1024, tokens: 128, alike: 6 };

/** A language model with its tokenizer, which reads texts through an SAE that is put into it. */
export class TextReader {
  readonly places: readonly Place[];
  readonly ending: Ending | undefined;
  readonly #runtime: Runtime;
  readonly #network: Runnable;
  readonly #tokenizer: TextTokenizer;
  #attached: { readonly key: string; readonly open: Promise<Attached> } | undefined;
  #texts: readonly string[] = [];
  #embedded: Float32Array[] = [];

  private constructor(runtime: Runtime, network: Runnable, tokenizer: TextTokenizer) {
    [this.#runtime, this.#network, this.#tokenizer] = [runtime, network, tokenizer];
    this.places = network.hooks.map(({ name, width }) => ({ name, width }));
    const outputs = (network.model.graph?.output ?? []).map(({ name }) => name);
    this.ending = (["sentence_embedding", "logits"] as const).find((name) => outputs.includes(name));
  }

  /** @throws {ConfigError} when one of the two is not what it should be, or no block is found in the model. */
  static open(runtime: Runtime, model: ModelFile, tokenizer: ModelFile): TextReader {
    const network = runnable(model.bytes, model.name);
    if (network.hooks.length === 0)
      throw new ConfigError(`${model.name}: no blocks were found in it, so an SAE can stand nowhere`);
    return new TextReader(runtime, network, tokenizerOf(tokenizer));
  }

  /** The tokens of a text, of which the first `most.tokens` are read. @throws {ConfigError} where there are none. */
  #tokens(text: string): Tokens {
    const { ids, special, offsets } = this.#tokenizer.encode(text, "the text");
    if (ids.length === 0) throw new ConfigError("the text has no tokens; write some words");
    const end = Math.min(ids.length, most.tokens, this.#tokenizer.longest ?? most.tokens);
    return { ids: ids.subarray(0, end), special: special.subarray(0, end), offsets: offsets.subarray(0, 2 * end) };
  }

  /** Activations of every token of some texts at a place, as the file and the labels that other parts read. */
  async harvest(
    at: string,
    texts: readonly string[],
    tell: (done: Done) => void,
  ): Promise<{ readonly file: Uint8Array; readonly labels: string }> {
    const { model, bytes, file } = this.#network;
    const located = locate(this.#network, at);
    const tapped = tap(bytes, model, { taps: { rows: located.value } }, file);
    const inputs = declaredInputs(model, tapped.inputs, file);
    checkFed(inputs, file);
    const session = await this.#runtime.open({ bytes: tapped.bytes, external: [] });
    const all = texts.map((text) => this.#tokens(text));
    const starts = [0];
    for (const { ids } of all) starts.push(starts.at(-1)! + ids.length);
    let rows: Float32Array<ArrayBuffer> | undefined;
    let [width, done] = [0, 0];
    try {
      for await (const { batch, filled, outputs } of this.#batches(session, inputs, all)) {
        const place = rowsIn(at, outputs.rows as HostTensor<"float32">, filled.texts, filled.length);
        width = place.width;
        rows ??= new Float32Array(starts.at(-1)! * width);
        for (const [i, text] of batch.entries())
          for (let token = 0; token < all[text]!.ids.length; token++)
            rows.set(place.rowAt(i, token), (starts[text]! + token) * width);
        done += batch.length;
        tell({ done, of: texts.length });
      }
    } finally {
      await session.release();
    }
    const layer = located.hook ? { layer: String(located.hook.block) } : {};
    const activations = tensor("float32", [starts.at(-1)!, width], rows ?? new Float32Array());
    return {
      file: writeSafetensors({ activations }, { model: file, hook: at, ...layer }),
      labels: all.map((own, text) => this.#labels(own, text, texts[text]!)).join(""),
    };
  }

  /** Runs texts in batches of like length: the numbers of a batch's texts, its inputs, and what came out. */
  async *#batches(session: Session, inputs: readonly ModelInput[], all: readonly Tokens[]) {
    for (const batch of batchesByLength(
      all.map(({ ids }) => ids.length),
      most.batch,
      takesMask(inputs),
    )) {
      const filled = batchOf(batch.map((text) => all[text]!));
      yield { batch, filled, outputs: await session.run(feedsOf(inputs, filled, this.#network.file)) };
    }
  }

  /** The labels of a text's rows, a line each. */
  #labels({ ids }: Tokens, text: number, words: string): string {
    const tokens = Array.from(ids, this.#tokenizer.show);
    return tokens
      .map((token, position) => {
        const first = position === 0 ? { tokens, text: words } : {};
        return `${JSON.stringify({ text_id: text, position, token_id: ids[position], token, ...first })}\n`;
      })
      .join("");
  }

  /** What an SAE at a place makes of each token, while a latent is pushed at all of them where that is asked for. */
  async read(sae: ModelFile, at: string, text: string, push?: Push): Promise<Read> {
    const own = this.#tokens(text);
    const attached = await this.#attach(sae, at);
    const outputs = await this.#run(attached, own.ids, push);
    const latents = outputs[attached.latents]!;
    const latentDim = latents.dims.at(-1)!;
    const active = Array.from(own.ids, (_, token): readonly Active[] | null =>
      own.special[token]
        ? null
        : activeOf((latents.data as Float32Array).subarray(token * latentDim, (token + 1) * latentDim)),
    );
    const tokens = Array.from(own.ids, this.#tokenizer.show);
    const codes = { tokens, at: firstOf(active), active, rows: tokens.map(() => null) };
    if (this.ending !== "sentence_embedding" || this.#embedded.length === 0) return { codes };
    return { codes, alike: this.#alike(outputs.sentence_embedding!.data as Float32Array) };
  }

  /** Embeds texts that pushed sentences are compared with, by the model alone; those of before are forgotten. */
  async embed(texts: readonly string[], tell: (done: Done) => void): Promise<void> {
    if (this.#texts === texts || (this.#texts.length === texts.length && this.#texts[0] === texts[0])) return;
    const { model, file } = this.#network;
    const inputs = inputsOf(model, file);
    checkFed(inputs, file);
    const session = await this.#runtime.open(packModel(onlyOutputs(model, ["sentence_embedding"])));
    const all = texts.map((text) => this.#tokens(text));
    const found: Float32Array[] = [];
    let done = 0;
    try {
      for await (const { batch, outputs } of this.#batches(session, inputs, all)) {
        const sentence_embedding = outputs.sentence_embedding!;
        const width = sentence_embedding.dims.at(-1)!;
        for (const [i, text] of batch.entries())
          found[text] = (sentence_embedding.data as Float32Array).slice(i * width, (i + 1) * width);
        done += batch.length;
        tell({ done, of: texts.length });
      }
    } finally {
      await session.release();
    }
    [this.#texts, this.#embedded] = [texts, found];
  }

  #alike(embedding: Float32Array): Read["alike"] {
    const cosines = this.#embedded.map((one) => cosine(one, embedding));
    return largest(cosines.keys(), most.alike, (text) => cosines[text]! + 1).map((text) => ({
      text: this.#texts[text]!,
      cosine: cosines[text]!,
    }));
  }

  /** How a text goes on by the most likely tokens: all of them so far, after each. A letter that tokens share is whole with the last of them. */
  async *generate(sae: ModelFile, at: string, text: string, count: number, push?: Push): AsyncGenerator<string> {
    const attached = await this.#attach(sae, at);
    const { ids } = this.#tokens(text);
    const own: number[] = [];
    while (own.length < count) {
      const { logits } = await this.#run(attached, Int32Array.of(...ids, ...own), push);
      const vocabulary = logits!.dims.at(-1)!;
      // Of a model that gives only the last place too.
      const next = likeliest(logits!.data as Float32Array, logits!.data.length - vocabulary, vocabulary);
      if (this.#tokenizer.special.has(next)) return;
      own.push(next);
      yield this.#tokenizer.text(own);
    }
  }

  #run({ session, inputs, steer, latentDim }: Attached, ids: Int32Array, push?: Push) {
    const coefficients = new Float32Array(latentDim);
    if (push) coefficients[push.latent] = push.strength;
    const batch = batchOf([{ ids }]);
    return session.run(
      feedsOf(inputs, batch, this.#network.file, { [steer]: tensor("float32", [latentDim], coefficients) }),
    );
  }

  /** The model with the SAE in it, opened once. */
  async #attach(sae: ModelFile, at: string): Promise<Attached> {
    const key = `${at} ${sae.name} ${sae.bytes.length}`;
    if (this.#attached?.key === key) return this.#attached.open;
    await (await this.#attached?.open.catch(() => undefined))?.session.release();
    const open = this.#opened(sae, at);
    this.#attached = { key, open };
    open.catch(() => {
      this.#attached = undefined;
    });
    return open;
  }

  async #opened(sae: ModelFile, at: string): Promise<Attached> {
    const { file } = this.#network;
    const encoder = { model: decodeModel(sae.bytes, sae.name), file: sae.name };
    const tensor = valueAt(locate(this.#network, at).hook, at);
    const options = { tensor, outputs: ["latents"], steer: true };
    const { bytes, inputs: added, outputs } = attach(this.#network, encoder, options);
    const whole = decodeModel(bytes, file);
    const wanted = [...outputs, ...(this.ending ? [this.ending] : [])];
    const model = onlyOutputs(whole, wanted);
    const inputs = inputsOf(model, file);
    checkFed(inputs, file, added);
    const info = model.graph?.input?.find(({ name }) => name === added[0]);
    const latentDim = Number(info?.type?.tensorType?.shape?.dim?.[0]?.dimValue);
    const session = await this.#runtime.open(packModel(model));
    return { session, inputs, latents: outputs[0]!, steer: added[0]!, latentDim };
  }

  async release(): Promise<void> {
    await (await this.#attached?.open.catch(() => undefined))?.session.release();
  }
}

interface Attached {
  readonly session: Session;
  readonly inputs: readonly ModelInput[];
  /** Names of the SAE's output and of the input that pushes. */
  readonly latents: string;
  readonly steer: string;
  readonly latentDim: number;
}

/** The inputs of a model that are no weights. */
function inputsOf(model: Parameters<typeof declaredInputs>[0], file: string): readonly ModelInput[] {
  const weights = new Set((model.graph?.initializer ?? []).map(({ name }) => name));
  const names = (model.graph?.input ?? []).map(({ name }) => name ?? "").filter((name) => !weights.has(name));
  return declaredInputs(model, names, file);
}

/** The first token that has latents. */
const firstOf = (active: readonly (readonly Active[] | null)[]): number =>
  Math.max(
    0,
    active.findIndex((one) => one !== null && one.length > 0),
  );

function cosine(a: Float32Array, b: Float32Array): number {
  let [product, one, other] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    one += a[i]! ** 2;
    other += b[i]! ** 2;
  }
  return product / Math.sqrt(one * other || 1);
}
