import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { decoderOf } from "../../src/evaluate/parts.ts";
import { parseUnembedding, promotedBy } from "../../src/features/unembedding.ts";
import { decodeModel } from "../../src/onnx/model.ts";
import { hostTensor } from "../../src/onnx/tensors.ts";
import { recognised } from "../../src/worker/recognise.ts";
import { matrix } from "../data/helpers.ts";

const folder = "test/fixtures/features";
const bytes = readFileSync(`${folder}/unembedding.npy`);
const witness: {
  features: Record<"promoted" | "suppressed", readonly (readonly [number, number])[]>[];
} = JSON.parse(readFileSync(`${folder}/witness.json`, "utf8"));

test("of one latent: the tokens that NumPy finds, the most extreme first", () => {
  const unembedding = parseUnembedding(bytes, "unembedding.npy");
  const model = decodeModel(readFileSync(`${folder}/both-signs.onnx`), "model");
  const { data, dims } = decoderOf(model, 10)!;
  for (const [latent, wanted] of witness.features.entries()) {
    const found = promotedBy(data.subarray(latent * dims[1]!, (latent + 1) * dims[1]!), unembedding, 10);
    for (const side of ["promoted", "suppressed"] as const) {
      expect(found[side].map(({ index }) => index)).toEqual(wanted[side].map(([token]) => token));
      for (const [i, { value }] of found[side].entries()) expect(value).toBeCloseTo(wanted[side][i]![1], 5);
    }
  }
});

describe("where it is found", () => {
  test("in a language model: what its logits are made with, a row a token", () => {
    const file = readFileSync("test/fixtures/effect/model.onnx");
    const found = parseUnembedding(file, "model.onnx");
    expect(found.dims).toEqual([64, 16]);
    const { graph } = decodeModel(file, "model.onnx");
    const last = graph!.node!.find(({ output }) => output!.includes("logits"))!;
    const kept = hostTensor(graph!.initializer!.find(({ name }) => name === last.input![1])!).data;
    for (const [token, at] of [
      [0, 0],
      [63, 5],
      [7, 15],
    ] as const)
      expect(found.data[token * 16 + at]).toBe(kept[at * 64 + token]);
  });

  test("among other matrices, by what it is called", () => {
    const both = { "model.embed_tokens.weight": matrix([1, 2], [3, 4]), "lm_head.weight": matrix([5, 6]) };
    expect([...parseUnembedding(writeSafetensors(both), "model.safetensors").data]).toEqual([5, 6]);
    expect(recognised(writeSafetensors(both), "model.safetensors")).toMatchObject({ kind: "unembedding", width: 2 });
    expect(recognised(bytes, "lm_head.npy").kind).toBe("unembedding");
    expect(recognised(bytes, "rows.npy").kind).toBe("activations");
  });

  test("not in a model that makes no logits", () => {
    const sae = readFileSync(`${folder}/both-signs.onnx`);
    expect(() => parseUnembedding(sae, "sae.onnx")).toThrow("its logits are no product with a float32 matrix");
  });
});
