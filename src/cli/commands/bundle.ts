import { fileURLToPath } from "node:url";
import { ConfigError } from "../../util/errors.ts";
import { writeBundle } from "../bundle/archive.ts";
import { cudaLibraries, linkedWith } from "../bundle/libraries.ts";
import { defineCommand } from "../command.ts";
import { json, parseBytes } from "../flags.ts";
import { note, print } from "../output.ts";

/** The folder of this package: above dist/, or above src/. */
const root = fileURLToPath(new URL("../../..", import.meta.url));

export const bundle = defineCommand({
  command: "bundle",
  options: {
    provider: {
      choices: ["cpu", "cuda"] as const,
      default: "cpu" as const,
      describe: "cuda: with ONNX Runtime's CUDA libraries and CUDA's own, as they are installed here",
    },
    out: { type: "string", demandOption: true, describe: "archive to write, a .tar.gz" },
    "part-size": { type: "string", describe: "divide it into files of this size: 60MB [default: one file]" },
    json,
  },
  examples: [
    ["$0 bundle --out sae-onnx.tar.gz", "everything for a Linux x64 machine that has no network, no Node and no npm"],
    ["$0 bundle --out sae-onnx.tar.gz --part-size 60MB", "in parts, to be joined by cat"],
  ],
  async run(given) {
    if (process.platform !== "linux" || process.arch !== "x64")
      throw new ConfigError(
        `bundle: packs the Node and the libraries of this machine for Linux on x64, this is ${process.platform}-${process.arch}; run it there`,
      );
    const partSize = given["part-size"] === undefined ? undefined : parseBytes("part-size", given["part-size"]);
    if (partSize !== undefined && partSize < 1e6)
      throw new ConfigError(`--part-size: must be at least 1MB, got ${given["part-size"]}`);
    const { provider } = given;
    const libraries = [...linkedWith(process.execPath), ...(provider === "cuda" ? cudaLibraries() : [])];
    const parts = await writeBundle(given.out, partSize, { root, provider, node: process.execPath, libraries });
    if (given.json) return print(JSON.stringify({ parts }, null, 1));
    print(parts.map(({ name, bytes, sha256 }) => `${sha256}  ${name}  ${(bytes / 1e6).toFixed(1)} MB`).join("\n"));
    if (given.quiet === true) return;
    const files = parts.length > 1 ? `${given.out}.[0-9][0-9][0-9]` : given.out;
    note(`check: sha256sum -c ${given.out}.sha256; unpack: cat ${files} | tar xz; run: sae-onnx/sae-onnx --help`);
    if (provider === "cuda")
      note("not measured: an archive with CUDA has not been run on a machine with a GPU by its tests");
  },
});
