/** @file What a harvest is: as it is asked for, and as its folder says, so that a later run goes on with it and no other. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readBytes, writeWhole } from "../data/files.node.ts";
import { quote } from "../data/quote.ts";
import { dataPartsOf } from "../onnx/external.ts";
import { digest } from "../util/digest.ts";
import { ConfigError } from "../util/errors.ts";
import { readError } from "../util/fileErrors.ts";
import { parseSmall } from "../util/json.ts";
import { visible } from "../util/visible.ts";
import type { LanguageModel, Tap } from "./model.node.ts";
import type { Positions } from "./positions.ts";
import type { RowType } from "./shards.node.ts";
import type { TextTokenizer } from "./text/tokenizer.ts";
import type { Thoughts } from "./thoughts.node.ts";
import { isShard, manifestPath } from "./unfinished.node.ts";

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

/** Everything that the bytes of a harvest depend on, by the names of files. */
export type HarvestIdentity = Readonly<Record<string, unknown>>;

const version = 1;

/**
 * Says in a folder which harvest its shards are of. One that another harvest left without a shard is taken over.
 * @throws {ConfigError} when there are shards of another harvest, naming what differs, or of none.
 */
export async function claimFolder(out: string, identity: HarvestIdentity): Promise<void> {
  const path = manifestPath(out);
  const before = await readBytes(path).catch((error) => {
    if (error instanceof ConfigError && (error.cause as NodeJS.ErrnoException)?.code === "ENOENT") return undefined;
    throw error;
  });
  if (before === undefined) {
    const names = await readdir(out).catch(() => [] as string[]);
    const foreign = names.find((name) => /\.(safetensors|npy|npz)$/i.test(name));
    if (foreign !== undefined)
      throw new ConfigError(`--out ${out}: holds ${foreign}, which is of no harvest; write to another folder`);
    return writeManifest(out, identity);
  }
  let known: unknown;
  try {
    known = parseSmall(new TextDecoder().decode(before));
  } catch {
    throw new ConfigError(`${path}: is damaged; move the folder away, or write to another one`);
  }
  const { harvest } = Object(known) as { harvest?: Record<string, unknown> };
  const keys = [...new Set([...Object.keys(identity), ...Object.keys(harvest ?? {})])];
  const other = keys.find((key) => JSON.stringify(identity[key]) !== JSON.stringify(harvest?.[key]));
  if (other === undefined) return;
  if (!(await hasShards(out))) return writeManifest(out, identity);
  throw new ConfigError(
    `--out ${out}: holds shards of another harvest, whose ${other} is ${shown(harvest?.[other])}, not ${shown(identity[other])}; write to another folder`,
  );
}

/** Whether a folder holds shards, or one of a place in it does. */
const hasShards = async (out: string): Promise<boolean> => (await readdir(out, { recursive: true })).some(isShard);

/** A value of an identity, for a message: on one line, at most 80 characters. */
function shown(value: unknown): string {
  if (typeof value === "string") return quote(value);
  const text = JSON.stringify(value ?? null);
  return text === "null" ? "none" : visible(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** Writes what the folder holds; `done` once all of it is there. */
export const writeManifest = (out: string, harvest: HarvestIdentity, done?: object): Promise<void> =>
  writeWhole(manifestPath(out), `${JSON.stringify({ version, harvest, ...(done ? { done } : {}) }, null, 1)}\n`);

/** Everything the bytes depend on. Of weights in files of their own the sizes stand for the content. */
export async function identityOf(request: HarvestRequest): Promise<HarvestIdentity> {
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
