import { describe, expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { readSafetensors, toFloat32 } from "../../src/data/safetensors.ts";
import { freeze } from "../../src/export/freeze.ts";
import { packModel } from "../../src/onnx/model.ts";
import { allCases } from "../../src/pipeline/conformance/cases.ts";
import { computed, conformanceKit } from "../../src/pipeline/conformance/kit.node.ts";
import type { Words } from "../../src/pipeline/conformance/words.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { ArchitectureName } from "../../src/sae/index.ts";
import { digest } from "../../src/util/digest.ts";
import type { HostTensor } from "../../src/util/tensor.ts";

const kit = await conformanceKit();
const tensorsOf = (file: string) => readSafetensors(kit[file] as Uint8Array, file).tensors;

/** What every architecture computes once it is trained, in the kit's words. */
const activations: Record<ArchitectureName, Words["activation"]> = {
  topk: "abstopk",
  "topk-relu": "topk",
  "relu-l1": "relu",
  "p-anneal": "relu",
  batchtopk: "batchtopk",
  matryoshka: "batchtopk",
  jumprelu: "jumprelu",
  gated: "gated",
  groupmax: "groupmax",
  "matching-pursuit": "matching_pursuit",
  "pretrained-topk": "topk",
  "pretrained-jumprelu": "jumprelu",
  "pretrained-relu": "relu",
  "pretrained-gated": "gated",
  "pretrained-groupmax": "groupmax",
  "pretrained-matching-pursuit": "matching_pursuit",
};

describe("the conformance kit", () => {
  test("has a case for what every architecture computes", () => {
    const had = new Set(allCases().map(({ words }) => words.activation));
    expect(Object.values(activations).filter((one) => !had.has(one))).toEqual([]);
  });

  test("is the same every time, and the manifest says its digests", async () => {
    expect(await conformanceKit()).toEqual(kit);
    const { cases } = JSON.parse(kit["manifest.json"] as string);
    expect(cases.map(({ name }: { name: string }) => name)).toEqual(allCases().map(({ name }) => name));
    for (const { name, sha256 } of cases) {
      expect(await digest(kit[`cases/${name}.safetensors`] as Uint8Array)).toBe(sha256.case);
      expect(await digest(kit[`expected/${name}.safetensors`] as Uint8Array)).toBe(sha256.expected);
    }
  });

  test("stores weights as the case says, activations in float32", () => {
    for (const { name, dtype } of allCases())
      for (const [tensor, { dtype: found }] of tensorsOf(`cases/${name}.safetensors`))
        expect(found, `${name} ${tensor}`).toBe(tensor === "activations" ? "F32" : dtype);
  });

  test.each(allCases().map((one) => [one.name, one] as const))(
    "%s: enough clear rows, ties where they are meant, and the frozen graph gives what is expected",
    async (name, one) => {
      const { spec, tensors, activations: x } = computed(one);
      const { architecture, options, inputDim, latentDim, outputDim, skip } = spec;
      const config = trainConfig({
        ...{ architecture, preset: "saelens", options, inputDim, latentDim, epochs: 0 },
        ...{ outputDim, skip },
      });
      const checkpoint = { config, tensors, epochsDone: 0, loss: [], dataDigest: "", metrics: {} };
      const place = { layer: null, position: null };
      const session = await cpu.open(packModel(freeze({ ...checkpoint, ...place }, "autoencoder")));
      const given = await session.run({ activations: x });
      await session.release();
      const expected = tensorsOf(`expected/${name}.safetensors`);
      const tied = Array.from(expected.get("tied")!.bytes, Boolean);
      expect(tied.filter((is) => !is).length).toBeGreaterThanOrEqual(12);
      expect(tied.filter(Boolean)).toHaveLength(one.planted === "ties" ? 6 : 0);
      const scale = toFloat32(expected.get("scale")!).data;
      for (const what of ["latents", "reconstruction"]) {
        const [z, want] = [given[what] as HostTensor<"float32">, toFloat32(expected.get(what)!)];
        expect(z.dims).toEqual(want.dims);
        const width = want.dims[1]!;
        for (const [row, isTied] of tied.entries()) {
          if (isTied) continue;
          const [a, b] = [z, want].map(({ data }) => data.subarray(row * width, (row + 1) * width)) as [
            Float32Array,
            Float32Array,
          ];
          const most = what === "latents" ? scale[row]! : b.reduce((top, v) => Math.max(top, Math.abs(v)), 0);
          const off = a.reduce((top, v, i) => Math.max(top, Math.abs(v - b[i]!)), 0);
          expect(off, `${what} of row ${row}`).toBeLessThanOrEqual(1e-5 * most);
        }
      }
    },
  );
});
