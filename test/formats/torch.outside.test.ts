import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readNpz } from "../../src/data/npz.ts";
import { toFloat32, toTensor } from "../../src/data/stored.ts";
import { freeze } from "../../src/export/freeze.ts";
import { importSae } from "../../src/formats/index.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { temporaryFolder } from "../cli/run.ts";
import { complaint } from "../data/helpers.ts";
import { lacking, python } from "../python/python.mjs";

const missing = lacking("torch", "numpy");
const folder = temporaryFolder();

/** Why each that cannot be imported is refused, in part. */
const refused: Readonly<Record<string, string>> = {
  k_zero: "k must be an integer from 1 to latentDim = 8, got 0",
  k_large: "got 9",
  k_half: "got 2.5",
  k_missing: "k is missing",
  layer_text: 'config says layer "14", need a whole number',
  width: "config says input_dim 7, encoder.weight is [8, 6]",
  latents: "config says latent_dim 7, encoder.weight is [8, 6]",
  unknown_setting: '"signed" is not supported',
  unknown_key: '"ema" is not supported',
  no_config:
    "needs a dictionary with model_state_dict and config, as the experiment's checkpoints have; it has \"model_s",
  no_bias: 'tensor "encoder.bias" is missing',
  another_tensor: 'tensor "threshold" is not supported',
  bias_width: "b_dec is [7], W_enc makes it [6]",
  not_transposed: "W_dec is [6, 8], W_enc makes it [8, 6]",
  nan: 'tensor "decoder.bias": element 0 is NaN',
  integers: "needs floating-point elements, has type I64",
  complex: 'names "torch.ComplexFloatStorage"',
  sparse: 'names "torch._utils._rebuild_sparse_tensor"',
  quantised: 'names "torch._utils._rebuild_qtensor"',
  legacy: "is in PyTorch's old format, before 1.6; load it and save it again: torch.save(torch.load(old), new)",
  module: 'names "torch.nn.modules.linear.Linear"',
  state_dict: 'it has "encoder.weight", "encoder.bias"',
  tensor: "needs a dictionary with model_state_dict and config",
  openai: 'tensor "encoder.weight" is missing',
};

describe.skipIf(missing)(`what torch.save writes${missing && ` (skipped: ${missing})`}`, () => {
  beforeAll(() => {
    execFileSync(python, ["-I", "test/import/checkpoints.py", folder]);
  });
  const read = async (name: string) => importSae(await readSource(join(folder, `${name}.pt`)));

  test.each(["plain", "gpt2", "nowhere", "half", "bfloat16", "double", "parameters", "tied", "views"])(
    "%s computes what torch does",
    async (name) => {
      const checkpoint = await read(name);
      expect(checkpoint.layer).toBe(name === "nowhere" ? null : 14);
      expect(checkpoint.origin).toEqual(name === "gpt2" ? { model: "gpt2" } : undefined);
      const expected = readNpz(readFileSync(join(folder, `${name}.npz`)), name);
      const session = await cpu.open(packModel(freeze(checkpoint, "autoencoder")));
      const actual = await session.run({ activations: toFloat32(expected.get("x")!) });
      await session.release();
      for (const output of ["latents", "reconstruction"]) {
        const wanted = toTensor(expected.get(output)!).data as Float64Array;
        const largest = Math.max(...wanted.map(Math.abs));
        const worst = Math.max(...wanted.map((value, i) => Math.abs(value - Number(actual[output]!.data[i]))));
        expect(worst / largest).toBeLessThan(1e-5);
      }
    },
  );

  test.each(Object.entries(refused))("%s is refused", async (name, message) => {
    const source = await readSource(join(folder, `${name}.pt`));
    expect(complaint(() => importSae(source))).toMatch(/^\S+\.pt: /);
    expect(complaint(() => importSae(source))).toContain(message);
  });

  test("all that the script writes is tried", () => {
    const written = readdirSync(folder).flatMap((name) => (name.endsWith(".pt") ? [name.slice(0, -3)] : []));
    const good = readdirSync(folder).flatMap((name) => (name.endsWith(".npz") ? [name.slice(0, -4)] : []));
    expect(written.sort()).toEqual([...good, ...Object.keys(refused)].sort());
  });
});
