import { basename, dirname } from "node:path";
import { locked } from "../data/lock.node.ts";
import { ConfigError } from "../util/errors.ts";
import { collect, type Source, type Wanted } from "./collect.node.ts";
import { openTapped } from "./model.node.ts";
import { type Choosable, positionsOf } from "./positions.ts";
import { claimFolder, type HarvestRequest, identityOf, writeManifest } from "./request.node.ts";
import { rowsIn } from "./rows.ts";
import { isWritten, type ShardFolder, writeShard } from "./shards.node.ts";
import { type EncodedText, readTexts } from "./text/texts.node.ts";
import { openThinker } from "./thoughts.node.ts";
import { manifestPath } from "./unfinished.node.ts";

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
  /** Tokens of a text that are read at most, and the texts that were cut off there. */
  readonly maxTokens: number;
  readonly cut: number;
  /** Texts that are too short, and without a row. */
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
        const { run: _, stopped, maxTokens: __, ...lasting } = result;
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
  /** Texts without a row: for want of a mask, and with special tokens alone at the positions. */
  const without = { mask: 0, special: 0 };
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
      if (positions.wanted.of === "mask" && !text.mask) without.mask++;
      else if (positionsOf(choosable(text, { ...request, keepSpecial: true }), positions.wanted, seed).length > 0)
        without.special++;
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
      `${request.text}: no row of its ${total.texts} texts is wanted; ${whyNone(request, total, without)}`,
    );
  const seconds = (performance.now() - started) / 1000;
  return { ...total, maxTokens, leftOut, run: { ...run, seconds }, stopped };
}

/** Why no text has a row, in words. */
function whyNone(
  { minTokens, positions }: HarvestRequest,
  { short, empty }: { readonly short: number; readonly empty: number },
  without: { readonly mask: number; readonly special: number },
): string {
  const other = empty - without.mask - without.special;
  return [
    short > 0 ? `${short} have fewer than ${minTokens} tokens` : "",
    without.mask > 0 ? `${without.mask} have no mask; give .jsonl with a "mask" of one number a token` : "",
    without.special > 0
      ? `${without.special} have special tokens alone at --positions ${positions.text}; --special-tokens keep takes their rows`
      : "",
    other > 0 ? `${other} have no token at --positions ${positions.text}` : "",
  ]
    .filter(Boolean)
    .join(", ");
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
