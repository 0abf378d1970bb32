import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { trainConfig } from "../../src/config/config.ts";
import { readSafetensors, toTensor } from "../../src/data/safetensors.ts";
import { compare } from "../../src/evaluate/verify/compare.ts";
import { replay } from "../../src/evaluate/verify/replay.ts";
import { freeze, type Part, parts } from "../../src/export/freeze.ts";
import { type TargetName, targets } from "../../src/export/targets/index.ts";
import { plainLatents, plainReconstruction } from "../../src/export/vectors/forward.ts";
import { type WeightTypeName, weightTypes } from "../../src/export/weights/index.ts";
import { importSae } from "../../src/formats/index.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { packModel } from "../../src/onnx/model.ts";
import { checkStart } from "../../src/pipeline/start.node.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { vectorsFor } from "./vectors.ts";

const root = "test/fixtures/pretrained";
const imported = async (folder: string): Promise<Checkpoint> => {
  const path = folder === "experiment" ? join(root, folder, "pos3_layer14_d24_k4.pt") : join(root, folder);
  return readCheckpoint(writeCheckpoint(importSae(await readSource(path))), folder);
};

describe.each(readdirSync(root))("%s", (folder) => {
  test("the float64 loops give what numpy and PyTorch gave", async () => {
    const { config, tensors } = await imported(folder);
    const stored = readSafetensors(readFileSync(join(root, folder, "expected.safetensors")), folder).tensors;
    const expected = (name: string) => toTensor(stored.get(name)!) as HostTensor<"float64">;
    const x = expected("x");
    const code = plainLatents(config, tensors, tensor("float32", x.dims, Float32Array.from(x.data)));
    const given = {
      latents: code.flatMap(({ latents }) => [...latents]),
      reconstruction: code.flatMap(({ latents }) => [...plainReconstruction(config, tensors, latents)]),
    };
    // Weights with a factor in them (the rows' lengths, a scaling_factor) were rounded to float32 once more.
    const digits = ["saelens-topk-rescale", "saelens-abstopk-rescale", "saelens-5-topk"].includes(folder) ? 5 : 11;
    for (const [name, values] of Object.entries(given)) {
      const wanted = expected(name).data;
      expect(values).toHaveLength(wanted.length);
      for (const [i, value] of values.entries()) expect(value, `${name} ${i}`).toBeCloseTo(wanted[i]!, digits);
    }
  });

  test.each(Object.keys(targets) as TargetName[])("every part for %s gives its vectors", async (target) => {
    const checkpoint = await imported(folder);
    const jump = checkpoint.config.architecture === "pretrained-jumprelu";
    for (const part of Object.keys(parts) as Part[])
      for (const dtype of Object.keys(weightTypes) as WeightTypeName[]) {
        const made = () => freeze(checkpoint, part, { target, dtype });
        if (jump && target === "compat" && part !== "decoder") {
          expect(made).toThrow(
            /^target compat: architecture pretrained-jumprelu needs Greater, .*use target portable$/,
          );
          continue;
        }
        const came = await replay(cpu, made(), vectorsFor(checkpoint, part, { target, dtype }));
        expect(came, `${part} ${dtype}`).toMatchObject({ state: "compared", differences: { ok: true, selection: 0 } });
      }
  });
});

describe("a JumpReLU latent at its threshold", () => {
  const vectorsOf = async () => {
    const checkpoint = await imported("saelens-jumprelu");
    const vectors = vectorsFor(checkpoint, "encoder");
    const { value, scale } = vectors.outputs.latents!;
    const thresholds = checkpoint.tensors.threshold!.data;
    const width = value.dims[1]!;
    /** Rows without a choice, and the distance of each latent of a row from its threshold, in the row's scale. */
    const away = (row: number, latent: number) =>
      Math.abs(value.data[row * width + latent]! - thresholds[latent]!) / scale.data[row]!;
    return { checkpoint, vectors, value, width, away };
  };
  /** The expected latents with one of them zeroed, compared. */
  const without = ({ vectors, value, width }: Awaited<ReturnType<typeof vectorsOf>>, row: number, latent: number) => {
    const data = value.data.slice();
    data[row * width + latent] = 0;
    return compare(vectors, { latents: tensor("float32", value.dims, data) });
  };

  test("may be kept or not there, and nowhere else", async () => {
    const all = await vectorsOf();
    const { vectors, value, width, away } = all;
    const { gap, threshold } = vectors.selection!;
    expect(threshold.dims).toEqual([1, width]);
    const tied = Array.from(gap.data.keys()).filter((row) => gap.data[row]! <= 1e-5);
    expect(tied.length).toBeGreaterThanOrEqual(4);
    let [near, far] = [0, 0];
    for (const row of tied)
      for (let latent = 0; latent < width; latent++) {
        if (value.data[row * width + latent] === 0) continue;
        const { ok, selection } = without(all, row, latent);
        if (away(row, latent) <= 1e-5) {
          near++;
          expect([ok, selection]).toEqual([true, 0]);
        } else {
          far++;
          expect([ok, selection]).toEqual([false, 1]);
        }
      }
    expect(near).toBeGreaterThan(0);
    expect(far).toBeGreaterThan(0);
  });

  test("that is far from it must be kept", async () => {
    const all = await vectorsOf();
    const clear = all.vectors.selection!.gap.data.findIndex((gap) => gap > 1e-5);
    const latent = all.value.data.subarray(clear * all.width, (clear + 1) * all.width).findIndex((z) => z !== 0);
    expect(without(all, clear, latent)).toMatchObject({ ok: false, selection: 1 });
  });

  test("a threshold below zero decides nothing: z grows from zero", async () => {
    const checkpoint = await imported("saelens-jumprelu");
    const low = checkpoint.tensors.threshold!.data.map(() => -1);
    const all = { ...checkpoint, tensors: { ...checkpoint.tensors, threshold: tensor("float32", [low.length], low) } };
    const { selection } = vectorsFor(all, "encoder");
    expect(new Set(selection!.gap.data)).toEqual(new Set([1]));
    const came = await replay(cpu, freeze(all, "evaluator"), vectorsFor(all, "evaluator"));
    expect(came).toMatchObject({ state: "compared", differences: { ok: true } });
  });
});

test("Gemma Scope's weights are jumprelu's, by name and shape, and its frozen models compute the same bits", async () => {
  const checkpoint = await imported("gemma-scope");
  const { inputDim, latentDim } = checkpoint.config;
  const config = trainConfig({ architecture: "jumprelu", options: { lambda: 0.1 }, inputDim, latentDim });
  const start = { file: "a", tensors: checkpoint.tensors, digest: "" };
  expect(() => checkStart(start, config)).not.toThrow();
  const x = tensor(
    "float32",
    [20, inputDim],
    new Float32Array(20 * inputDim).map((_, i) => Math.sin(i * i)),
  );
  const outputs = async (one: Checkpoint) => {
    const session = await cpu.open(packModel(freeze(one, "autoencoder")), { threads: 1 });
    return session.run({ activations: x }).finally(() => session.release());
  };
  const own = await outputs({ ...checkpoint, config });
  expect(own).toEqual(await outputs(checkpoint));
  expect((own.latents!.data as Float32Array).some((z) => z !== 0)).toBe(true);
});
