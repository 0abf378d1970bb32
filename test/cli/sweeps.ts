/** @file A small sweep to try things with: two layers of rows, two SAEs each. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { tensor } from "../../src/util/tensor.ts";
import { sparseRows } from "./run.ts";

/** Rows of a file whose columns say layer, position, and to which of 40 problems each belongs. */
export function writePlacedRows(path: string, layers: number, positions: number, each = 200, width = 16): void {
  const rows = layers * positions * each;
  const column = (of: (place: number, row: number) => number) =>
    tensor(
      "int32",
      [rows],
      Int32Array.from({ length: rows }, (_, i) => of(Math.floor(i / each), i % each)),
    );
  writeFileSync(
    path,
    writeSafetensors({
      activations: sparseRows(rows, width),
      layer: column((place) => Math.floor(place / positions)),
      position: column((place) => place % positions),
      problem: column((_, row) => Math.floor(row / 5)),
    }),
  );
}

/** Writes the data and the configuration of a sweep into a folder; gives the configuration's path. */
export function writeSmallSweep(folder: string, { layers = 2, positions = 1, extra = "" } = {}): string {
  writePlacedRows(join(folder, "acts.safetensors"), layers, positions);
  const path = join(folder, "sweep.yaml");
  writeFileSync(
    path,
    `data: ${join(folder, "acts.safetensors")}
by: [layer, position]
split: 0.8
split_by: problem
options: { epochs: 60, batch_size: 32, latent_dim: 24 }
architectures:
  - { architecture: topk, k: [2, 4] }
${extra}`,
  );
  return path;
}

/** Every file of a sweep by its digest; what is measured in seconds is left out of records, and so are digests of these. */
export function digests(out: string): Record<string, string> {
  const names = (readdirSync(out, { recursive: true }) as string[]).filter(
    (name) => statSync(join(out, name)).isFile() && !/^(status|slurm)/.test(name) && !/\.lock$/.test(name),
  );
  return Object.fromEntries(
    names.sort().map((name) => {
      const bytes = readFileSync(join(out, name));
      const text = /(metrics|files)\.json$/.test(name)
        ? bytes.toString().replace(/"train_time_sec": ?[^,]*/g, "")
        : /\.sha256$/.test(name)
          ? bytes.toString().replace(/^[0-9a-f]{64}/, "")
          : bytes;
      return [name, createHash("sha256").update(text).digest("hex")];
    }),
  );
}
