import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { parseActivations } from "../../src/data/activations.ts";
import { parseLabels } from "../../src/data/labels.ts";
import { freeze } from "../../src/export/freeze.ts";
import { decodeModel, encodeModel } from "../../src/onnx/model.ts";
import { tensorProto, valueInfo } from "../../src/onnx/tensors.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { random } from "../../src/util/random.ts";
import { int64s, tensor } from "../../src/util/tensor.ts";
import { TextReader } from "../../src/worker/textReader.ts";
import { byteTokenizer, saysHalves } from "../harvest/forms.ts";
import { languageModel, namings, residuals, width } from "../harvest/models.ts";

const latentDim = 16;
const rng = random(1, "an SAE");
const matrix = () =>
  tensor(
    "float32",
    [latentDim, width],
    Float32Array.from({ length: latentDim * width }, () => rng.normal()),
  );
const tensors = {
  W_enc: matrix(),
  W_dec: matrix(),
  b_enc: tensor("float32", [latentDim], new Float32Array(latentDim)),
};
const config = trainConfig({ inputDim: width, latentDim, options: { k: 2 }, epochs: 1 });
const about = { epochsDone: 1, loss: [1], dataDigest: "", layer: 1, position: null, metrics: {} };
const sae = {
  name: "a.autoencoder.onnx",
  bytes: encodeModel(freeze({ config, tensors, ...about }, "autoencoder")),
};
const bytes = languageModel(namings.dynamo);
const { WordPiece } = JSON.parse(readFileSync("test/fixtures/tokenizers.json", "utf8"));
const tokenizer = { name: "tokenizer.json", bytes: new TextEncoder().encode(JSON.stringify(WordPiece.tokenizer)) };
const texts = ["the dog", "a cat and the dog sat", "the"];

let reader: TextReader;
beforeAll(() => {
  reader = TextReader.open(cpu, { name: "lm.onnx", bytes }, tokenizer);
});

/** Activations of some texts, and the labels of their tokens. */
async function harvestedBy(reader: TextReader, texts: readonly string[]) {
  const { file, labels } = await reader.harvest("blocks.1", texts, () => {});
  const { activations, metadata } = parseActivations(file, "a.safetensors", { severalHint: "" });
  return { activations, metadata, rows: parseLabels(labels, "a.labels.jsonl") };
}
const harvested = () => harvestedBy(reader, texts);

test("names the places an SAE can stand at, and what a push is seen by", () => {
  expect(reader.places.map(({ name }) => name)).toEqual(["blocks.0", "blocks.1", "blocks.2"]);
  expect(reader.ending).toBe("logits");
});

test("harvests every token of texts of several lengths: the stream as it is written out, with labels", async () => {
  const { activations, metadata, rows } = await harvested();
  expect(metadata).toMatchObject({ hook: "blocks.1", layer: "1" });
  for (const [text, words] of texts.entries()) {
    const own = rows.flatMap((label, row) => (label.text_id === text ? [{ ...label, row }] : []));
    expect(own[0]).toMatchObject({ position: 0, text: words });
    const ids = own.map((label) => (label as unknown as { token_id: number }).token_id);
    for (const [token, wanted] of residuals(ids)[1]!.entries())
      for (const [i, value] of wanted.entries())
        expect(activations.data[own[token]!.row * width + i]!).toBeCloseTo(value, 4);
  }
});

test("reads a text: the two latents of each token that the SAE keeps of its stream; none at special tokens", async () => {
  const { rows } = await harvested();
  const ids = rows.filter(({ text_id }) => text_id === 1).map(({ token_id }) => token_id as number);
  const { codes } = await reader.read(sae, "blocks.1", texts[1]!);
  expect(codes.tokens).toHaveLength(ids.length);
  for (const [token, x] of residuals(ids)[1]!.entries()) {
    const pre = Array.from({ length: latentDim }, (_, latent) =>
      x.reduce((sum, one, i) => sum + one * tensors.W_enc.data[latent * width + i]!, 0),
    );
    const kept = [...pre.keys()].sort((a, b) => Math.abs(pre[b]!) - Math.abs(pre[a]!)).slice(0, 2);
    const own = codes.active[token];
    if (codes.tokens![token]!.startsWith("[")) expect(own).toBeNull();
    else {
      expect(own!.map(({ latent }) => latent)).toEqual(kept);
      for (const { latent, value } of own!) expect(value).toBeCloseTo(pre[latent]!, 3);
    }
  }
});

test("goes on with a text by the likeliest token, and otherwise where a latent is pushed", async () => {
  const { rows } = await harvested();
  const ids = rows.filter(({ text_id }) => text_id === 0).map(({ token_id }) => token_id as number);
  const session = await cpu.open({ bytes, external: [] });
  const { logits } = await session.run({
    input_ids: { ...int64s(ids), dims: [1, ids.length] },
    attention_mask: { ...int64s(ids.map(() => 1)), dims: [1, ids.length] },
  });
  const last = Array.from((logits!.data as Float32Array).slice(-5));
  const next = last.indexOf(Math.max(...last));
  const shown: string[] = [];
  for await (const token of reader.generate(sae, "blocks.1", texts[0]!, 1)) shown.push(token);
  const vocabulary = Object.entries(WordPiece.tokenizer.model.vocab as Record<string, number>);
  const name = vocabulary.find(([, id]) => id === next)![0];
  // Special tokens end a text.
  expect(shown.map((token) => token.trim())).toEqual(name.startsWith("[") ? [] : [name]);
  const pushed = new Set<string>();
  for (let latent = 0; latent < latentDim; latent++)
    for await (const token of reader.generate(sae, "blocks.1", texts[0]!, 1, { latent, strength: 50 }))
      pushed.add(token);
  expect(pushed.size).toBeGreaterThan(0);
});

test("says what is wrong", async () => {
  await expect(reader.read(sae, "blocks.9", "a")).rejects.toThrow('no block is called "blocks.9"');
  await expect(reader.read({ ...sae, bytes }, "blocks.1", "a")).rejects.toThrow("not one of sae-onnx's models");
  expect(() => TextReader.open(cpu, sae, tokenizer)).toThrow("no blocks were found in it");
});

/** The model as a text encoder: a text's vector is what its first token's logits are. */
function textEncoder(): Uint8Array {
  const model = decodeModel(languageModel(namings.torchscript), "lm");
  const { graph } = model;
  graph!.node!.push({ opType: "Gather", input: ["logits", "zero"], output: [vector], attribute: [axis] });
  graph!.initializer!.push({ ...tensorProto("zero", int64s([0])), dims: [] });
  graph!.output = [valueInfo(vector, "float32", ["batch", 5])];
  return encodeModel(model);
}
const vector = "sentence_embedding";
const axis = { name: "axis", type: 2, i: 1 };

test("a text encoder's sentence is compared with texts of several lengths: their cosines, the nearest first; a push moves it", async () => {
  const bytes = textEncoder();
  const own = TextReader.open(cpu, { name: "encoder.onnx", bytes }, tokenizer);
  expect(own.ending).toBe(vector);
  const session = await cpu.open({ bytes, external: [] });
  const vectors: number[][] = [];
  for (const text of texts) {
    const { rows } = await harvestedBy(own, [text]);
    const ids = rows.map(({ token_id }) => token_id as number);
    const outputs = await session.run({
      input_ids: { ...int64s(ids), dims: [1, ids.length] },
      attention_mask: { ...int64s(ids.map(() => 1)), dims: [1, ids.length] },
    });
    vectors.push(Array.from(outputs[vector]!.data as Float32Array));
  }
  const product = (a: readonly number[], b: readonly number[]) => a.reduce((sum, one, i) => sum + one * b[i]!, 0);
  const cosines = vectors.map(
    (one) => product(one, vectors[1]!) / Math.sqrt(product(one, one) * product(vectors[1]!, vectors[1]!)),
  );
  const told: number[] = [];
  await own.embed(texts, ({ done }) => told.push(done));
  expect(told.at(-1)).toBe(texts.length);
  const { alike } = await own.read(sae, "blocks.1", texts[1]!);
  const nearest = [...texts.keys()].sort((a, b) => cosines[b]! - cosines[a]!);
  expect(alike!.map(({ text }) => text)).toEqual(nearest.map((text) => texts[text]));
  for (const [i, { cosine }] of alike!.entries()) expect(cosine).toBeCloseTo(cosines[nearest[i]!]!, 5);
  const pushed = await own.read(sae, "blocks.1", texts[1]!, { latent: 3, strength: 20 });
  expect(pushed.alike!.find(({ text }) => text === texts[1])!.cosine).toBeLessThan(0.999);
  await own.release();
});

test("a letter that two tokens share is whole in what a text goes on with", async () => {
  const own = TextReader.open(
    cpu,
    { name: "lm.onnx", bytes: saysHalves },
    { name: "tokenizer.json", bytes: byteTokenizer },
  );
  const steps: string[] = [];
  for await (const text of own.generate(sae, "blocks.1", "a bad", 4)) steps.push(text);
  expect(steps).toEqual(["\uFFFD", "é", "é\uFFFD", "éé"]);
  await own.release();
});
