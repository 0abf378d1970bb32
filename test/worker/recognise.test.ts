import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { writeTrainingState } from "../../src/checkpoint/trainingState.ts";
import { freeze } from "../../src/export/freeze.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { recognised } from "../../src/worker/recognise.ts";
import { sample } from "../checkpoint/sample.ts";
import { npy, sparseRows } from "../cli/run.ts";
import { languageModel, namings } from "../harvest/models.ts";
import { cases } from "../sae/cases.ts";

const text = (content: string) => new TextEncoder().encode(content);
const { WordPiece } = JSON.parse(readFileSync("test/fixtures/tokenizers.json", "utf8"));

test("every kind of file is known by its content", async () => {
  const checkpoint = await sample(cases[0]!);
  const part = (name: "autoencoder" | "encoder" | "evaluator") => encodeModel(freeze(checkpoint, name));
  const kinds = [
    ["a.npy", npy(sparseRows(20, 8)), "activations", "activations: 20 rows of 8"],
    ["a.labels.jsonl", text('{"text":"one"}\n{"text":"two"}\n'), "labels", "2 labels: text"],
    ["a.onnx", part("autoencoder"), "autoencoder", "an SAE: 32 latents of activations 16 wide"],
    ["a.onnx", part("encoder"), "encoder", "an encoder alone, to look into and not to evaluate"],
    ["a.onnx", part("evaluator"), "evaluator", "an evaluator, to evaluate and not to look into"],
    ["a.safetensors", writeCheckpoint(checkpoint), "checkpoint", "a checkpoint of a training"],
    ["a.onnx", languageModel(namings.dynamo), "language model", "a language model"],
    ["tokenizer.json", text(JSON.stringify(WordPiece.tokenizer)), "tokenizer", "a tokenizer of 142 pieces"],
    ["demo.safetensors", readFileSync("src/web/public/demo.safetensors"), "codes", "an SAE as it was looked into"],
  ] as const;
  for (const [name, bytes, kind, words] of kinds) {
    const is = recognised(bytes, name);
    expect(is.kind, name).toBe(kind);
    expect(is.words).toContain(words);
  }
});

test("the state of a training is none of its activations, and says which file is the SAE", async () => {
  const checkpoint = await sample(cases[0]!);
  const state = writeTrainingState({ ...checkpoint, tensors: {} }, checkpoint.tensors);
  expect(() => recognised(state, "x.state.safetensors")).toThrow(
    "x.state.safetensors: is the state of a training, no activations; the SAE is x.safetensors",
  );
});

test.each([
  ["notes.txt", "hello", "not one of the files this page takes"],
  ["a.json", "{}", "is no tokenizer.json"],
  ["a.json", "{", "is not JSON"],
  ["a.onnx", "hello", "not an ONNX model"],
  ["a.jsonl", "[1]", "write one JSON object a line"],
])("%s with %s is refused: %s", (name, content, message) => {
  expect(() => recognised(text(content), name)).toThrow(message);
});
