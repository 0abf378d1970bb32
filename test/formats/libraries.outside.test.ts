import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
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
      return [{ name, checkpoint, folder: own }];
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
        const args = ["-I", "test/python/loaded.py", format, file, ...here.map(({ folder }) => folder)];
        execFileSync(python, args, {
          stdio: ["ignore", "ignore", "pipe"],
          env: { ...process.env, HF_HUB_OFFLINE: "1", SPARSIFY_DISABLE_TRITON: "1" },
        });
        for (const { name, checkpoint, folder } of here) {
          const session = await cpu.open(packModel(freeze(checkpoint, "autoencoder")));
          const own = await session.run({ activations: rows });
          await session.release();
          for (const output of ["latents", "reconstruction"])
            expect(
              apart(own[output]!, readNpy(readFileSync(join(folder, `${output}.npy`)), output)),
              `${name}: ${output}`,
            ).toBeLessThan(1e-5);
        }
      }
      expect(tried[format]).toBeGreaterThanOrEqual({ saelens: 8, sparsify: 3 }[format]);
    });
  },
);

/** The largest difference of two tensors, over the largest value. */
function apart(a: HostTensor, b: HostTensor): number {
  expect(a.dims).toEqual(b.dims);
  const [x, y] = [Array.from(a.data, Number), Array.from(b.data, Number)];
  const largest = Math.max(...x.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  return Math.max(...x.map((value, i) => Math.abs(value - y[i]!))) / largest;
}
