import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { readNpy, writeNpy } from "../../src/data/npy.ts";
import { freeze } from "../../src/export/freeze.ts";
import { formats, importSae, type WrittenName } from "../../src/formats/index.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { HostTensor } from "../../src/util/tensor.ts";
import { sample } from "../checkpoint/sample.ts";
import { sparseRows, temporaryFolder } from "../cli/run.ts";
import { lacking, python } from "../python/python.mjs";
import { cases } from "../sae/cases.ts";
import { early } from "./early.ts";

const missing = lacking("numpy", "torch", "sae-lens", "eai-sparsify");
const root = "test/fixtures/pretrained";

/** Every SAE there is here: one of each case of an architecture, and those that other libraries wrote. */
async function everySae(): Promise<Record<string, Checkpoint>> {
  const found: Record<string, Checkpoint> = {};
  for (const one of cases) found[one.name.replaceAll(/[^\w-]+/g, "_")] = await sample(one);
  for (const name of readdirSync(root))
    found[name] = importSae(
      await readSource(join(root, name, ...(name === "experiment" ? ["pos3_layer14_d24_k4.pt"] : []))),
    );
  return found;
}

/** The folder of each SAE that the format has words for. */
function written(format: WrittenName, all: Readonly<Record<string, Checkpoint>>, width: number) {
  const folder = temporaryFolder();
  return Object.entries(all).flatMap(([name, checkpoint]) => {
    if (checkpoint.config.inputDim !== width) return [];
    try {
      const files = formats[format].write(checkpoint, name);
      const own = join(folder, name);
      mkdirSync(own);
      for (const [file, content] of Object.entries(files)) writeFileSync(join(own, file), content);
      return [{ checkpoint, folder: own }];
    } catch {
      return [];
    }
  });
}

describe.skipIf(missing)(
  `what export --format writes is loaded and computes the same${missing && ` (skipped: ${missing})`}`,
  () => {
    test.each(["saelens", "sparsify"] as const)("%s", { timeout: 180_000 }, async (format) => {
      const all = await everySae();
      const tried = { saelens: 0, sparsify: 0 };
      for (const width of new Set(Object.values(all).map(({ config }) => config.inputDim))) {
        const rows = sparseRows(50, width);
        const here = written(format, all, width);
        tried[format] += here.length;
        if (here.length === 0) continue;
        const file = join(temporaryFolder(), "rows.npy");
        writeFileSync(file, writeNpy(rows));
        load(
          format,
          file,
          here.map(({ folder }) => folder),
        );
        for (const { checkpoint, folder } of here) await agree(folder, checkpoint, rows);
      }
      expect(tried[format]).toBeGreaterThanOrEqual({ saelens: 8, sparsify: 3 }[format]);
    });
  },
);

test.skipIf(missing)(
  `import and SAELens read the same of its folders, the earliest too${missing && ` (skipped: ${missing})`}`,
  { timeout: 180_000 },
  async () => {
    // Its present version does not load a factor for each latent.
    const folders = readdirSync(root)
      .filter((name) => name.startsWith("saelens") && name !== "saelens-5-topk")
      .map((name) => {
        const copy = join(temporaryFolder(), name);
        cpSync(join(root, name), copy, { recursive: true });
        return copy;
      });
    const gpt2 = join(temporaryFolder(), "gpt2");
    cpSync(join(root, "saelens-2-standard"), gpt2, { recursive: true });
    writeFileSync(join(gpt2, "cfg.json"), JSON.stringify(early));
    const rows = sparseRows(50, 12);
    const file = join(temporaryFolder(), "rows.npy");
    writeFileSync(file, writeNpy(rows));
    load("saelens", file, [gpt2, ...folders]);
    for (const folder of [gpt2, ...folders]) await agree(folder, importSae(await readSource(folder)), rows);
  },
);

/** Lets a library of Python load folders and encode rows; what comes out lies in the folders. */
function load(library: string, rows: string, folders: readonly string[]): void {
  execFileSync(python, ["-I", "test/python/loaded.py", library, rows, ...folders], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, HF_HUB_OFFLINE: "1", SPARSIFY_DISABLE_TRITON: "1" },
  });
}

/** That what lies in the folder is what the SAE gives here. */
async function agree(folder: string, checkpoint: Checkpoint, rows: HostTensor<"float32">): Promise<void> {
  const session = await cpu.open(packModel(freeze(checkpoint, "autoencoder")));
  const own = await session.run({ activations: rows });
  await session.release();
  for (const output of ["latents", "reconstruction"])
    expect(
      apart(own[output]!, readNpy(readFileSync(join(folder, `${output}.npy`)), output)),
      `${folder}: ${output}`,
    ).toBeLessThan(1e-5);
}

/** The largest difference of two tensors, over the largest value. */
function apart(a: HostTensor, b: HostTensor): number {
  expect(a.dims).toEqual(b.dims);
  const [x, y] = [Array.from(a.data, Number), Array.from(b.data, Number)];
  const largest = Math.max(...x.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  return Math.max(...x.map((value, i) => Math.abs(value - y[i]!))) / largest;
}
