import { basename, dirname, join } from "node:path";
import { writeWhole } from "../data/files.node.ts";
import { formats, type WrittenName } from "../formats/index.ts";
import { unsigned } from "../formats/unsigned.ts";
import { finished } from "./finished.node.ts";

/** How checkpoints are written in another library's format. */
export interface FormatOptions {
  /** Default: beside the checkpoint. */
  readonly out?: string | undefined;
  /** Whether an SAE with signs is written as one of twice the latents without. Default: no. */
  readonly withoutSigns?: boolean;
}

/**
 * Writes every checkpoint as a folder `NAME.FORMAT`; all are made before the first is written.
 * @throws {ConfigError} when a checkpoint is not finished, or the format has no words for it.
 */
export async function exportFormat(
  format: WrittenName,
  paths: readonly string[],
  { out, withoutSigns = false }: FormatOptions = {},
) {
  const all = (await finished(paths)).flatMap(({ path, checkpoint }) =>
    Object.entries(formats[format].write(withoutSigns ? unsigned(checkpoint, path) : checkpoint, path)).map(
      ([name, content]) => ({
        path: join(out ?? dirname(path), `${basename(path, ".safetensors")}.${format}`, name),
        content,
      }),
    ),
  );
  for (const { path, content } of all) await writeWhole(path, content);
  return all.map(({ path }) => ({ format, unsigned: withoutSigns, path }));
}
