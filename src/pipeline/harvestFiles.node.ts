import { dirname, join } from "node:path";
import { type Harvested, type HarvestProgress, harvest } from "../harvest/harvest.node.ts";
import { tapsCalled } from "../harvest/model.node.ts";
import { parsePositions } from "../harvest/positions.ts";
import type { RowType } from "../harvest/shards.node.ts";
import { checkCounts } from "../util/counts.ts";
import { openTextFiles, type TextFiles } from "./textFiles.node.ts";

/** Which inner values of which model are read, and where they are written. */
export interface HarvestRun extends TextFiles {
  /** `blocks.14`, `blocks.*`, the name of any value; several separated by commas. */
  readonly at: string;
  /** Folder of the shards. */
  readonly out: string;
  /** `all` (the default), `last`, `random`, `mask`, or numbers such as `3`, `-2`, `1..5`, `0,2`. */
  readonly positions?: string | undefined;
  /** Texts of fewer tokens are left out; default 1. */
  readonly minTokens?: number | undefined;
  /** Type of the rows; default float32. */
  readonly dtype?: RowType | undefined;
  /** Rows after which a shard ends; default: as many as take 128 MiB. */
  readonly shardRows?: number | undefined;
  /** Feeds the last hidden state back so often, and reads these thoughts instead of the tokens. */
  readonly continuousThoughts?: number | undefined;
  /** With thoughts: the .onnx from ids to embeddings; default: embed_tokens.onnx beside the model. */
  readonly embeddings?: string | undefined;
  /** With thoughts: an .onnx that a hidden state passes before it is an embedding. */
  readonly projection?: string | undefined;
  /** With thoughts: the value that is the last hidden state; default `last_hidden_state`. */
  readonly thoughtFrom?: string | undefined;
  /** Once aborted, the harvest ends after the shard it is in; run again it goes on. */
  readonly signal?: AbortSignal | undefined;
  readonly onShard?: ((progress: HarvestProgress) => void) | undefined;
}

/**
 * Runs texts through a model and writes its inner values as shards of activations. Run again it goes on where it stopped, to the same bytes.
 * @throws {ConfigError} for a place that is not there, inputs that nobody feeds, texts that cannot be taken, and a folder that holds
 * something else. What is written already stays.
 */
export async function harvestFiles(run: HarvestRun): Promise<Harvested> {
  const { at, out, positions = "all", minTokens = 1, dtype = "float32", shardRows, batchTokens = 1024 } = run;
  const { continuousThoughts: count, projection, thoughtFrom: from, signal, onShard } = run;
  checkCounts({ minTokens, shardRows, continuousThoughts: count });
  const wanted = { wanted: parsePositions("positions", positions), text: positions };
  const texts = await openTextFiles(run);
  const names = at.split(",").map((one) => one.trim());
  const { embeddings = join(dirname(texts.model.file), "embed_tokens.onnx") } = run;
  return harvest(
    {
      ...{ ...texts, taps: tapsCalled(texts.model, names), out, positions: wanted },
      ...{ minTokens, dtype, shardRows, batchTokens },
      thoughts: count === undefined ? undefined : { count, embeddings, projection, from },
    },
    { ...(signal && { signal }), ...(onShard && { onShard }) },
  );
}
