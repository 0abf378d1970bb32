/** @file Models in the forms they are published in, from end to end: each beside a float32 model of the same weights. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { trainConfig } from "../../src/config/config.ts";
import { readActivations } from "../../src/data/files.node.ts";
import { freeze } from "../../src/export/freeze.ts";
import { attachFiles, effect, harvest, loadEncoder } from "../../src/node.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { random } from "../../src/util/random.ts";
import { int64s, tensor } from "../../src/util/tensor.ts";
import { forms } from "../harvest/forms.ts";
import { width } from "../harvest/models.ts";

const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));
const fileOf = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const latentDim = 12;
const rng = random(7, "an SAE");
const matrix = () =>
  tensor(
    "float32",
    [latentDim, width],
    Float32Array.from({ length: latentDim * width }, () => rng.normal() / 3),
  );
const checkpoint = {
  config: trainConfig({ inputDim: width, latentDim, options: { k: 3 }, epochs: 1 }),
  tensors: { W_enc: matrix(), W_dec: matrix(), b_enc: tensor("float32", [latentDim], new Float32Array(latentDim)) },
  ...{ epochsDone: 1, loss: [1], dataDigest: "", layer: null, position: null, metrics: {} },
};
const sae = fileOf("sae.safetensors", writeCheckpoint(checkpoint));
const encoder = fileOf("sae.encoder.onnx", encodeModel(freeze(checkpoint, "encoder")));
// The logits have five entries, so that no other id can be predicted.
const ids = [
  [3, 1, 4, 1, 2],
  [4, 2],
  [0, 3, 2],
  [1, 1, 4, 2, 0, 3],
];
const text = fileOf("ids.jsonl", ids.map((own) => `${JSON.stringify({ input_ids: own })}\n`).join(""));

const rowsOf = async (model: string, name: string) => {
  await harvest({ model, at: "blocks.1", text, out: join(folder, name), threads: 1 });
  return (await readActivations(join(folder, name, "shard-000000.safetensors"))).activations;
};

test.each(Object.entries(forms))("%s: harvest, effect, attach", async (name, { bytes, twin, digits }) => {
  const stem = name.replace(/\W+/g, "-");
  const [model, plain] = [fileOf(`${stem}.onnx`, bytes), fileOf(`${stem}-plain.onnx`, twin)];
  const [rows, wanted] = [await rowsOf(model, `${stem}-rows`), await rowsOf(plain, `${stem}-plain-rows`)];
  expect(rows.dims).toEqual([16, width]);
  expect(Math.max(...rows.data.map((one, i) => Math.abs(one - wanted.data[i]!)))).toBeLessThan(10 ** -digits);

  const run = { sae, at: "blocks.1", text, controls: 0, threads: 1 } as const;
  const [{ losses }, { losses: own }] = [await effect({ ...run, model }), await effect({ ...run, model: plain })];
  expect(losses!.cross_entropy).toBeCloseTo(own!.cross_entropy, digits);
  for (const change of ["zero", "mean", "reconstruction"])
    expect(losses!.changes[change]!.kl).toBeCloseTo(own!.changes[change]!.kl, digits);

  const out = join(folder, `${stem}-attached.onnx`);
  const attaching = attachFiles({ model, encoder, out }, { tensor: "blocks.1" });
  if (name === "merged decoder") return expect(attaching).rejects.toThrow("two decoders are joined in an If");
  const { outputs, notLoaded } = await attaching;
  // ONNX Runtime's CPU has no bfloat16 kernels: such a model is for other hardware.
  if (name === "bfloat16") return expect(notLoaded).toContain("Could not find an implementation");
  const session = await cpu.open({ bytes: readFileSync(out), external: [] });
  const feeds = { input_ids: int64s(ids[0]!), attention_mask: int64s(ids[0]!.map(() => 1)) };
  const dims = [1, ids[0]!.length];
  const latents = (
    await session.run(
      Object.fromEntries(Object.entries(feeds).map(([input, { data }]) => [input, tensor("int64", dims, data)])),
    )
  )[outputs[0]!]!;
  const alone = await loadEncoder(encoder);
  const first = tensor("float32", [5, width], rows.data.slice(0, 5 * width));
  const { latents: expected } = await alone.encode(first);
  expect(latents.dims).toEqual([1, 5, latentDim]);
  expect(Array.from(latents.data as Float32Array)).toEqual(
    Array.from(expected!.data as Float32Array, (one) => expect.closeTo(one, digits)),
  );
  await session.release();
  await alone.release();
});
