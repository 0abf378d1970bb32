import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { locked } from "../data/lock.node.ts";
import { dataPartsOf } from "../onnx/external.ts";
import { digest } from "../util/digest.ts";
import { ConfigError } from "../util/errors.ts";
import { readError } from "../util/fileErrors.ts";
import { batchesByLength } from "./batches.ts";
import { type LanguageModel, openTapped, type Tap } from "./model.node.ts";
import { type Choosable, type Positions, positionsOf } from "./positions.ts";
import { claimFolder, type HarvestIdentity, manifestPath, writeManifest } from "./request.node.ts";
import { type RowReader, rowsIn } from "./rows.ts";
import { isWritten, type RowType, type ShardFolder, type ShardRows, writeShard } from "./shards.node.ts";
import { type EncodedText, readTexts } from "./text/texts.node.ts";
import type { TextTokenizer } from "./text/tokenizer.ts";
import { openThinker, type Thoughts } from "./thoughts.node.ts";

/** A harvest: what is read of which texts, and how it is stored. */
export interface HarvestRequest {
  readonly model: LanguageModel;
  readonly taps: readonly Tap[];
  readonly text: string;
  readonly tokenizer: TextTokenizer | undefined;
  readonly textKey?: string | undefined;
  readonly out: string;
  readonly positions: { readonly wanted: Positions; readonly text: string };
  /** Tokens after so many of a text are cut off. */
  readonly maxTokens: number;
  /** Texts of fewer tokens are left out. */
  readonly minTokens: number;
  /** Whether rows at special tokens are kept. */
  readonly keepSpecial: boolean;
  /** Whether the tokenizer puts no special tokens around a text. */
  readonly plain: boolean;
  readonly limit?: number | undefined;
  readonly dtype: RowType;
  /** Rows after which a shard ends, with the text it is in. Default: as many as take 128 MiB at all places. */
  readonly shardRows?: number | undefined;
  /** Most tokens, and filling, of one run. */
  readonly batchTokens: number;
  readonly seed: number;
  /** Continuous thoughts after each text, read instead of its tokens. Default: none. */
  readonly thoughts?: Thoughts | undefined;
  readonly threads?: number | undefined;
}

/** How far a harvest is. */
export interface HarvestProgress {
  readonly shard: number;
  readonly rows: number;
  readonly tokens: number;
  /** Whether the shard was there already. */
  readonly isOld: boolean;
}

/** What a harvest gave. */
export interface Harvested {
  readonly texts: number;
  /** Texts that are cut off, too short, and without a row. */
  readonly cut: number;
  readonly short: number;
  readonly empty: number;
  readonly rows: number;
  readonly tokens: number;
  readonly shards: number;
  /** Rows left out at special tokens, by their names. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Of this run alone: tokens run, seconds in the model, and seconds in all. */
  readonly run: { readonly tokens: number; readonly modelSeconds: number; readonly seconds: number };
  /** Whether it was stopped before its end. */
  readonly stopped: boolean;
}

/** Bytes of rows after which a shard ends. */
const shardBytes = 2 ** 27;

/**
 * Runs texts through a model and writes its inner values as shards, one at a time in memory. Run again it goes on where it stopped, to
 * the same bytes.
 * @throws {ConfigError} for inputs that nobody feeds, texts that cannot be taken, values that are not finite, and a folder that holds
 * something else. What is written already stays.
 */
export async function harvest(
  request: HarvestRequest,
  {
    signal,
    onShard = () => {},
  }: { readonly signal?: AbortSignal; readonly onShard?: (progress: HarvestProgress) => void } = {},
): Promise<Harvested> {
  const source = await openSource(request);
  try {
    const identity = await identityOf(request);
    const done = await locked(
      manifestPath(request.out),
      async () => {
        await claimFolder(request.out, identity);
        const result = await harvestShards(request, source, { signal, onShard });
        const { run: _, stopped, ...lasting } = result;
        if (!stopped) await writeManifest(request.out, identity, lasting);
        return result;
      },
      { signal },
    );
    if (!done) throw new ConfigError(`--out ${request.out}: was stopped before it began`);
    return done;
  } finally {
    await source.release();
  }
}

/** What rows are read from, and whether texts of several lengths may be in one run. */
interface Source {
  readonly read: RowReader<EncodedText>;
  readonly fills: boolean;
  readonly release: () => Promise<void>;
}

async function openSource(request: HarvestRequest): Promise<Source> {
  const { model, taps, thoughts, threads } = request;
  if (thoughts) return { ...(await openThinker(model, taps, thoughts, threads)), fills: false };
  const tapped = await openTapped(model, taps, { threads, brought: await broughtBy(request) });
  return {
    ...{ fills: tapped.fills, release: tapped.release },
    async read(texts) {
      const { taps: values, batch } = await tapped.run(texts);
      return (name) => rowsIn(name, values[name]!, batch.texts, batch.length);
    },
  };
}

/** Names of inputs that the file of texts brings: read once from its first text. */
async function broughtBy(request: HarvestRequest): Promise<readonly string[]> {
  for await (const { inputs } of textsOf({ ...request, limit: 1 })) return Object.keys(inputs);
  throw new ConfigError(`${request.text}: no text in it; give one a line`);
}

const textsOf = ({ text, tokenizer, textKey, maxTokens, plain, limit }: HarvestRequest) =>
  readTexts(text, { tokenizer, key: textKey, maxTokens: maxTokens + 1, plain, limit });

async function harvestShards(
  request: HarvestRequest,
  source: Source,
  {
    signal,
    onShard,
  }: { readonly signal?: AbortSignal | undefined; readonly onShard: (progress: HarvestProgress) => void },
): Promise<Harvested> {
  const { taps, positions, maxTokens, minTokens, keepSpecial, seed, tokenizer } = request;
  const started = performance.now();
  const total = { texts: 0, cut: 0, short: 0, empty: 0, rows: 0, tokens: 0, shards: 0 };
  const run = { tokens: 0, modelSeconds: 0 };
  const leftOut: Record<string, number> = {};
  const folder: ShardFolder = { ...request, origins: originsOf(request) };
  const widths = new Map<string, number>();
  let pending: Wanted[] = [];
  let rows = 0;
  let stopped = false;
  const most = () =>
    request.shardRows ??
    Math.max(
      1,
      Math.floor(
        shardBytes /
          (4 *
            taps.reduce(
              (sum, { name, hook, value }) => sum + (widths.get(name) ?? hook?.width ?? lastDim(value.shape) ?? 1024),
              0,
            )),
      ),
    );
  const flush = async () => {
    const shard = total.shards++;
    const tokens = pending.reduce((sum, { text }) => sum + text.ids.length, 0);
    const isOld = await isWritten(folder, shard);
    if (!isOld) {
      const collected = await collect(request, source, pending, rows, run);
      await writeShard(
        folder,
        shard,
        collected,
        pending.map(({ text }) => text),
        tokenizer?.show,
      );
    }
    total.rows += rows;
    onShard({ shard, rows: total.rows, tokens: total.tokens, isOld });
    if (!isOld) run.tokens += tokens;
    pending = [];
    rows = 0;
  };
  for await (const read of textsOf(request)) {
    if (signal?.aborted) {
      stopped = true;
      break;
    }
    total.texts++;
    if (read.ids.length > maxTokens) total.cut++;
    const text = read.ids.length > maxTokens ? shortened(read, maxTokens) : read;
    if (text.ids.length < minTokens) {
      total.short++;
      continue;
    }
    const chosen = positionsOf(choosable(text, request), positions.wanted, seed);
    if (!keepSpecial && !request.thoughts && positions.wanted.of === "all")
      for (const [at, isSpecial] of text.special.entries())
        if (isSpecial) {
          const name = tokenizer?.special.get(text.ids[at]!) ?? String(text.ids[at]);
          leftOut[name] = (leftOut[name] ?? 0) + 1;
        }
    if (chosen.length === 0) {
      total.empty++;
      continue;
    }
    total.tokens += text.ids.length;
    pending.push({ text, positions: chosen, row: rows });
    rows += chosen.length;
    if (rows >= most()) await flush();
  }
  if (!stopped && pending.length > 0) await flush();
  if (!stopped && total.rows === 0)
    throw new ConfigError(
      `${request.text}: no row of its ${total.texts} texts is wanted; ${total.short} have fewer than ${minTokens} tokens, the others none at --positions ${positions.text}`,
    );
  const seconds = (performance.now() - started) / 1000;
  return { ...total, leftOut, run: { ...run, seconds }, stopped };
}

/** What positions of a text are chosen from: its tokens, or its thoughts. */
function choosable(text: EncodedText, { keepSpecial, thoughts }: HarvestRequest): Choosable {
  const count = thoughts?.count ?? text.ids.length;
  if (thoughts) return { ...text, ids: new Int32Array(count), special: new Uint8Array(count) };
  return keepSpecial ? { ...text, special: new Uint8Array(count) } : text;
}

const lastDim = (shape: readonly (number | string)[] | undefined): number | undefined => {
  const last = shape?.at(-1);
  return typeof last === "number" ? last : undefined;
};

function shortened(text: EncodedText, most: number): EncodedText {
  const { ids, special, offsets } = text;
  return { ...text, ids: ids.slice(0, most), special: special.slice(0, most), offsets: offsets?.slice(0, 2 * most) };
}

/** A text whose rows are wanted at some positions; the first is row `row` of its shard. */
interface Wanted {
  readonly text: EncodedText;
  readonly positions: Int32Array;
  readonly row: number;
}

/** The rows of some texts, in the order of the texts, run in batches of like length. */
async function collect(
  { taps, batchTokens, thoughts }: HarvestRequest,
  { read, fills }: Source,
  wanted: readonly Wanted[],
  rows: number,
  run: { modelSeconds: number },
): Promise<ShardRows> {
  const text = new Int32Array(rows);
  const position = new Int32Array(rows);
  const token = new Int32Array(rows);
  // A thought is no token, and stands nowhere in its text.
  const offsets = wanted[0]?.text.offsets && !thoughts ? new Int32Array(2 * rows) : undefined;
  for (const one of wanted)
    for (const [i, at] of one.positions.entries()) {
      const row = one.row + i;
      text[row] = one.text.number;
      position[row] = at;
      token[row] = thoughts ? -1 : one.text.ids[at]!;
      offsets?.set(one.text.offsets!.subarray(2 * at, 2 * at + 2), 2 * row);
    }
  const values = new Map<string, { width: number; data: Float32Array }>();
  const lengths = Int32Array.from(wanted, (one) => one.text.ids.length);
  for (const members of batchesByLength(lengths, batchTokens, fills)) {
    const some = members.map((at) => wanted[at]!);
    const started = performance.now();
    const rowsOf = await read(some.map((one) => one.text));
    run.modelSeconds += (performance.now() - started) / 1000;
    for (const { name } of taps) {
      const { width, rowAt } = rowsOf(name);
      const into = values.get(name) ?? { width, data: new Float32Array(rows * width) };
      values.set(name, into);
      for (const [i, one] of some.entries())
        for (const [j, at] of one.positions.entries()) into.data.set(rowAt(i, at), (one.row + j) * width);
    }
  }
  return { text, position, token, offsets, values };
}

/** Where the rows of each place come from, for whoever trains on them. */
function originsOf({ model, taps, positions, thoughts }: HarvestRequest) {
  return new Map(
    taps.map(({ name, value, hook }) => [
      name,
      {
        model:
          basename(dirname(model.file)) === ""
            ? basename(model.file)
            : `${basename(dirname(model.file))}/${basename(model.file)}`,
        hook: name,
        ...(hook ? { value: value.name, module: hook.module } : {}),
        positions: positions.text,
        ...(thoughts ? { continuous_thoughts: thoughts.count } : {}),
      },
    ]),
  );
}

/** Everything the bytes depend on. Of weights in files of their own the sizes stand for the content. */
async function identityOf(request: HarvestRequest): Promise<HarvestIdentity> {
  const { model, taps, tokenizer, text, positions, ...rest } = request;
  const weights: Record<string, number> = {};
  for (const { location } of dataPartsOf(model.model, model.file))
    weights[location] ??= (await stat(join(dirname(model.file), location))).size;
  return {
    model: { file: basename(model.file), digest: await digest(model.bytes), weights },
    at: taps.map(({ name, value }) => ({ name, value: value.name })),
    text: { file: basename(text), digest: await digestOfFile(text), key: rest.textKey ?? null },
    tokenizer: tokenizer ? await digestOfFile(tokenizer.file) : null,
    positions: positions.text,
    ...{ max_tokens: rest.maxTokens, min_tokens: rest.minTokens, keep_special: rest.keepSpecial, plain: rest.plain },
    ...{ limit: rest.limit ?? null, dtype: rest.dtype, shard_rows: rest.shardRows ?? null },
    ...{ batch_tokens: rest.batchTokens, seed: rest.seed },
    ...(rest.thoughts ? { thoughts: await identityOfThoughts(rest.thoughts) } : {}),
  };
}

const identityOfThoughts = async ({ count, embeddings, projection, from }: Thoughts) => ({
  ...{ count, from: from ?? null, embeddings: await digestOfFile(embeddings) },
  projection: projection === undefined ? null : await digestOfFile(projection),
});

/** SHA-256 of a file, read piece by piece. */
async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const part of createReadStream(path)) hash.update(part);
  } catch (error) {
    throw readError(path, error);
  }
  return hash.digest("hex");
}
