import { basename, dirname, join } from "node:path";
import { writeWhole } from "../data/files.node.ts";
import { formats, type WrittenName } from "../formats/index.ts";
import { finished } from "./finished.node.ts";

/**
 * Writes every checkpoint as a folder `NAME.FORMAT`; all are made before the first is written.
 * @throws {ConfigError} when a checkpoint is not finished, or the format has no words for it.
 */
export async function exportFormat(format: WrittenName, paths: readonly string[], out: string | undefined) {
  const all = (await finished(paths)).flatMap(({ path, checkpoint }) =>
    Object.entries(formats[format].write(checkpoint, path)).map(([name, content]) => ({
      path: join(out ?? dirname(path), `${basename(path, ".safetensors")}.${format}`, name),
      content,
    })),
  );
  for (const { path, content } of all) await writeWhole(path, content);
  return all.map(({ path }) => ({ format, path }));
}
