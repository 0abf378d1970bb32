import { homedir } from "node:os";
import { join } from "node:path";

/** Flags and words that name files or folders, alone or in a list. */
export const paths: ReadonlySet<string> = new Set([
  ...["data", "target", "out", "init-from", "model", "models", "encoder", "compare", "unembedding", "tokenizer"],
  ...["checkpoints", "path", "metrics", "file", "text", "embeddings", "projection", "sae", "config", "folder"],
]);

/** What was given, with the home folder for a `~` that begins a path: in `--data=~/acts.npy` a shell leaves it as it is. */
export const withHome = <T extends Readonly<Record<string, unknown>>>(given: T): T =>
  Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, paths.has(name) ? expanded(value) : value]),
  ) as T;

function expanded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expanded);
  if (typeof value !== "string") return value;
  return value
    .split(",")
    .map((part) => (/^~(?=$|[/\\])/.test(part) ? join(homedir(), part.slice(1)) : part))
    .join(",");
}
