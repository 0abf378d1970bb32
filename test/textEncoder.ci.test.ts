import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { trainConfig } from "../src/config/config.ts";
import { readActivations } from "../src/data/files.node.ts";
import { readSafetensors, toTensor } from "../src/data/safetensors.ts";
import { attach } from "../src/export/attach/attach.ts";
import { freeze } from "../src/export/freeze.ts";
import { weightTypes } from "../src/export/weights/index.ts";
import { decodeModel, type PackedModel, packModel } from "../src/onnx/model.ts";
import type { Model } from "../src/onnx/proto.ts";
import { cpu, webgpu } from "../src/runtime/cpu.node.ts";
import type { Runtime, Tensors } from "../src/runtime/session.ts";
import { wasm } from "../src/runtime/web.ts";
import { train } from "../src/train/train.ts";
import { sliceRows, tensor } from "../src/util/tensor.ts";
import { lacking, python } from "./python/python.mjs";
import { webgpuHere } from "./runtime/swiftshader.ts";

/** SAELens brings tokenizers. */
const missing = lacking("sae-lens");
const example = "examples/text-encoder";
const embedded = "examples/data/use-lite-resid0-pos3.safetensors";
const isInstalled = existsSync(join(example, "node_modules"));
const folder = mkdtempSync(join(tmpdir(), "text-encoder-"));
afterAll(() => rmSync(folder, { recursive: true }));

const script = (name: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync("node", [join(example, name), ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
};
const fileOf = (dtype: string) => join(folder, dtype, "use-lite.onnx");

/** What TensorFlow.js gives for these texts: see the script beside the file. */
const witness = (() => {
  const file = "test/fixtures/use-lite-tfjs.safetensors";
  const { tensors, metadata } = readSafetensors(readFileSync(file), file);
  const texts: { text: string; ids: number[] }[] = JSON.parse(metadata.texts!);
  const numbers = (name: string) => toTensor(tensors.get(name)!).data as Float32Array;
  return { texts, numbers };
})();
const width = 512;
const streams = ["blocks.0", "blocks.1"];

/** The model with its residual streams as outputs too. */
function tapped(dtype: string): Model {
  const model = decodeModel(readFileSync(fileOf(dtype)), fileOf(dtype));
  const { output, valueInfo } = model.graph!;
  const taps = valueInfo!.filter(({ name }) => streams.includes(name!));
  return { ...model, graph: { ...model.graph, output: [...output!, ...taps] } };
}

/** Token numbers, cut and padded on the right as the model wants them. */
function feedsOf(texts: readonly (readonly number[])[]) {
  const cut = texts.map((ids) => ids.slice(0, 128));
  const sequence = Math.max(...cut.map(({ length }) => length));
  const at = (value: (ids: readonly number[], i: number) => number) => {
    const numbers = cut.flatMap((ids) => Array.from({ length: sequence }, (_, i) => BigInt(value(ids, i))));
    return tensor("int64", [cut.length, sequence], BigInt64Array.from(numbers));
  };
  return {
    input_ids: at((ids, i) => ids[i] ?? 0),
    attention_mask: at((ids, i) => Number(i < ids.length)),
    last: cut.map(({ length }) => length - 1),
    sequence,
  };
}

/** Largest difference from the witness of each sentence's vector, and of each stream at the last token. */
async function differences(runtime: Runtime, dtype: string, batches: number[][]) {
  const session = await runtime.open(packModel(tapped(dtype)), { threads: 1 });
  const most: Record<string, number> = {};
  for (const batch of batches) {
    const { last, sequence, ...feeds } = feedsOf(batch.map((text) => witness.texts[text]!.ids));
    const outputs = await session.run(feeds);
    for (const [name, { data }] of Object.entries(outputs)) {
      const expected = witness.numbers(name);
      for (const [i, text] of batch.entries()) {
        const from = width * (name === "sentence_embedding" ? i : i * sequence + last[i]!);
        for (let at = 0; at < width; at++)
          most[name] = Math.max(most[name] ?? 0, Math.abs(Number(data[from + at]) - expected[text * width + at]!));
      }
    }
  }
  await session.release();
  return most;
}

/** float32 sums in another order, of values up to 60 in the streams and 0.1 in the sentence. */
function expectClose(most: Record<string, number>) {
  expect(Object.keys(most).sort()).toEqual([...streams, "sentence_embedding"]);
  expect(most["blocks.0"]).toBeLessThan(1e-4);
  expect(most["blocks.1"]).toBeLessThan(3e-4);
  expect(most.sentence_embedding).toBeLessThan(2e-6);
}

const together = [[...witness.texts.keys()]];
const alone = together[0]!.map((text) => [text]);

describe.skipIf(!isInstalled)(
  `${example} (skipped where it is not installed: npm ci --prefix ${example})`,
  { timeout: 300_000 },
  () => {
    beforeAll(() => {
      for (const dtype of Object.keys(weightTypes)) {
        const { status, stderr } = script("build.mjs", "--out", fileOf(dtype), "--dtype", dtype);
        expect(status, stderr).toBe(0);
      }
    }, 120_000);

    test("its tokenizer.json gives the numbers of the published tokenizer", () => {
      const { Tokenizer } = createRequire(resolve(example, "package.json"))("@huggingface/tokenizers");
      const tokenizer = new Tokenizer(JSON.parse(readFileSync(join(folder, "float32", "tokenizer.json"), "utf8")), {});
      for (const { text, ids } of witness.texts) expect(tokenizer.encode(text).ids, text).toEqual(ids);
      expect(tokenizer.encode("").ids).toEqual([]);
    });

    test.skipIf(missing !== "")(`the Python package gives them too, cut after 128 (skipped: ${missing})`, () => {
      const read = "import json, sys, tokenizers as t; of = t.Tokenizer.from_file(sys.argv[1])";
      const say = "print(json.dumps([of.encode(text).ids for text in json.load(sys.stdin)]))";
      const args = ["-c", `${read}; ${say}`, join(folder, "float32", "tokenizer.json")];
      const input = JSON.stringify(witness.texts.map(({ text }) => text));
      const { stdout, stderr } = spawnSync(python, args, { input, encoding: "utf8" });
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toEqual(witness.texts.map(({ ids }) => ids.slice(0, 128)));
    });

    test.each([
      ["texts together, padded", cpu, together],
      ["one text a run", cpu, alone],
      ["WebAssembly", wasm, together],
    ])("it equals the published model in TensorFlow.js: %s", async (_, runtime, batches) =>
      expectClose(await differences(runtime, "float32", batches)),
    );

    test.skipIf(!webgpuHere.there)(`and on WebGPU, all nodes on the GPU${webgpuHere.why}`, async () =>
      expectClose(await differences(webgpu, "float32", [[0, 1, 9, 10]])),
    );

    test.each([
      ["float16", 0.51, 1e-3],
      ["int8", 0.26, 2e-2],
    ])("%s: its share of the file, and how far the sentence's vector is", async (dtype, share, bound) => {
      const size = (name: string) => readFileSync(fileOf(name)).length;
      expect(size(dtype) / size("float32")).toBeLessThan(share);
      const most = await differences(cpu, dtype, together);
      expect(most.sentence_embedding).toBeGreaterThan(0);
      expect(most.sentence_embedding).toBeLessThan(bound);
    });

    test("the embedded activations come out of it again", async () => {
      const out = join(folder, "rows.safetensors");
      const { status, stdout, stderr } = script("data.mjs", "--out", out);
      expect(status, stdout + stderr).toBe(0);
      expect(stdout).toContain("texts and tokens: 7473 of 7473 the same");
      const [, beyond] = stdout.match(/beyond float16's rounding: (\S+)/)!;
      expect(Number(beyond)).toBeLessThan(1e-4);

      // What it wrote, looked at without it.
      const labels = embedded.replace("safetensors", "labels.jsonl");
      expect(readFileSync(join(folder, "rows.labels.jsonl"), "utf8")).toBe(readFileSync(labels, "utf8"));
      const [made, stored] = [await readActivations(out), await readActivations(embedded)];
      const far = stored.activations.data.filter((value, i) => {
        const away = Math.abs(made.activations.data[i]! - value);
        return away > Math.abs(value) * 2 ** -10 + 1e-4;
      });
      expect(far).toHaveLength(0);
    });

    test("an encoder can be attached to blocks.0", async () => {
      const { activations } = await readActivations(embedded);
      const config = trainConfig({ inputDim: width, latentDim: 32, options: { k: 3 }, epochs: 1, batchSize: 128 });
      const { state, loss } = await train(cpu, config, sliceRows(activations, 0, 256), { threads: 1 });
      const origin = { epochsDone: 1, loss, dataDigest: "", layer: 0, position: 3, metrics: {} };
      const encoder = freeze({ config, tensors: state, ...origin }, "encoder");
      const model = { bytes: readFileSync(fileOf("float32")), file: "use-lite.onnx" };
      const { bytes } = attach(model, { model: encoder, file: "sae.onnx" }, { tensor: "blocks.0" });

      const { last, sequence, ...feeds } = feedsOf([witness.texts[1]!.ids]);
      const run = async (packed: PackedModel, given: Tensors) => {
        const session = await cpu.open(packed, { threads: 1 });
        return session.run(given).finally(() => session.release());
      };
      const stream = (await run(packModel(tapped("float32")), feeds))["blocks.0"]!;
      const row = tensor("float32", [sequence, width], stream.data as Float32Array);
      const { latents } = await run(packModel(encoder), { activations: row });
      const { sae_latents } = await run({ bytes, external: [] }, feeds);
      expect(sae_latents!.dims).toEqual([1, last[0]! + 1, 32]);
      for (const [i, value] of latents!.data.entries())
        expect(Number(sae_latents!.data[i])).toBeCloseTo(Number(value), 4);
    });
  },
);

test.skipIf(!isInstalled)(`${example} says what is wrong with its flags (skipped where it is not installed)`, () => {
  expect(script("build.mjs", "--dtype", "int4", "--out", join(folder, "no.onnx"))).toEqual({
    status: 1,
    stdout: "",
    stderr: "error: --dtype int4: it is one of float32, float16, int8\n",
  });
  expect(existsSync(join(folder, "no.onnx"))).toBe(false);
  expect(script("data.mjs", "--out", "rows.npy").stderr).toBe("error: --out rows.npy: name a .safetensors file\n");
});
