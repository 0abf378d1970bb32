import { localModel } from "../../harvest/hub.node.ts";
import { hookLines, openLanguageModel } from "../../harvest/model.node.ts";
import { rowTypes } from "../../harvest/shards.node.ts";
import { harvestFiles } from "../../pipeline/harvestFiles.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { visible } from "../../util/visible.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { interruptible } from "../interrupt.ts";
import { note, print } from "../output.ts";
import { textFiles, textFlags } from "../textFlags.ts";

export const harvest = defineCommand({
  command: "harvest",
  options: {
    ...textFlags,
    list: { type: "boolean", default: false, describe: "print where an encoder can be attached, and nothing else" },
    at: {
      type: "string",
      describe: "what to read: blocks.14, blocks.*, or the name of any value; several separated by commas",
    },
    out: { type: "string", describe: "folder to write shards into" },
    positions: {
      type: "string",
      default: "all",
      describe:
        "tokens of each text: all, last, random (one), mask (the texts' own), or numbers such as 3, -2, 1..5 or 0,2",
    },
    "special-tokens": {
      choices: ["skip", "keep", "none"] as const,
      default: "skip" as const,
      describe: "skip: they are fed, their rows left out; keep: their rows too; none: the tokenizer adds none",
    },
    "min-tokens": { type: "number", default: 1, describe: "texts of fewer tokens are left out" },
    dtype: { choices: rowTypes, default: "float32" as const, describe: "type of the rows" },
    "shard-rows": { type: "number", describe: "rows after which a shard ends [default: as many as take 128 MiB]" },
    "batch-tokens": { type: "number", default: 1024, describe: "tokens of one run of the model" },
    seed: { type: "number", default: 0, describe: "seed of --positions random" },
    "continuous-thoughts": {
      type: "number",
      describe: "feed the last hidden state back so often, and read these thoughts instead of the tokens",
    },
    embeddings: {
      type: "string",
      describe:
        "with --continuous-thoughts: the .onnx from ids to embeddings [default: embed_tokens.onnx beside the model]",
    },
    projection: {
      type: "string",
      describe: "with --continuous-thoughts: an .onnx that a hidden state passes before it is an embedding",
    },
    "thought-from": {
      type: "string",
      describe: "with --continuous-thoughts: the value that is the last hidden state [default: last_hidden_state]",
    },
    json: flags.json,
  },
  examples: [
    ["$0 harvest --model llm.onnx --list", "where an encoder can be attached"],
    [
      "$0 harvest --model llm.onnx --at blocks.14 --text texts.txt --positions last --out acts",
      "the residual stream after block 14 at the last token of each text",
    ],
  ],
  async run(given) {
    if (given.list) {
      const { hooks } = await openLanguageModel(await localModel(given.model, given.quiet === true ? undefined : note));
      if (given.json) return print(JSON.stringify(hooks, null, 1));
      if (hooks.length === 0)
        note(`${given.model}: no block was found in it; sae-onnx inspect --values lists all its values`);
      return print(columns([["name", "width", "value", "module"], ...hookLines(hooks)]));
    }
    const { at, text, out, positions, dtype, embeddings, projection } = given;
    if (at === undefined || text === undefined || out === undefined)
      throw new ConfigError(
        `--${at === undefined ? "at" : text === undefined ? "text" : "out"}: is needed, unless --list asks what there is`,
      );
    const started = performance.now();
    const result = await harvestFiles({
      ...textFiles({ ...given, text }),
      ...{ at, out, positions, dtype, embeddings, projection, thoughtFrom: given["thought-from"] },
      ...{ minTokens: given["min-tokens"], shardRows: given["shard-rows"] },
      continuousThoughts: given["continuous-thoughts"],
      signal: interruptible(),
      onShard: ({ shard, rows, tokens, isOld }) => {
        if (given.quiet === true) return;
        const speed = tokens / ((performance.now() - started) / 1000);
        note(
          `shard ${shard}: ${isOld ? "already there" : "written"}, ${rows} rows so far${isOld ? "" : `, ${Math.round(speed)} tokens a second`}`,
        );
      },
    });
    const { run } = result;
    // Of less than a second the share would be that of opening the model.
    const besides =
      run.modelSeconds >= 1
        ? `, ${(100 * (run.seconds / run.modelSeconds - 1)).toFixed(1)} % of time beyond the model's own`
        : "";
    if (given.quiet !== true) {
      const left = Object.entries(result.leftOut).map(([name, count]) => `${name} (${count})`);
      const about = [
        left.length > 0 ? `left out: ${left.join(", ")}` : "",
        result.cut > 0 ? `${result.cut} texts cut to ${result.maxTokens} tokens` : "",
        result.short > 0 ? `${result.short} texts of fewer than ${given["min-tokens"]} tokens left out` : "",
        result.empty > 0 ? `${result.empty} texts without such a position` : "",
        run.modelSeconds > 0 ? `${Math.round(run.tokens / run.seconds)} tokens a second${besides}` : "",
      ].filter(Boolean);
      for (const line of about) note(visible(line));
    }
    if (result.stopped)
      throw new ConfigError(`${out}: stopped after ${result.shards} shards; the same command goes on`);
    if (given.json) print(JSON.stringify({ out, ...result }, null, 1));
    else print(visible(`${out}: ${result.rows} rows of ${result.texts} texts in ${result.shards} shards`));
  },
});

/** Lines in columns. */
function columns(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines
    .map((line) =>
      visible(
        line
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join("  ")
          .trimEnd(),
      ),
    )
    .join("\n");
}
