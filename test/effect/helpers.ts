/** @file Files that tests of effect use. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Checkpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { trainConfig } from "../../src/config/config.ts";
import { readSafetensors, toTensor } from "../../src/data/safetensors.ts";
import type { EffectRequest } from "../../src/effect/effect.node.ts";
import { openLanguageModel } from "../../src/harvest/model.node.ts";
import type { HostTensor } from "../../src/util/tensor.ts";

/** What effect_witness.py wrote. */
export const fixture = "test/fixtures/effect";
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));

/** A file of the test's own. */
export function fileOf(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

/** The fixture's SAE, and where its rows come from. */
export function fixtureSae(origin: Checkpoint["origin"], bEnc?: (bias: Float32Array) => void): Checkpoint {
  const file = join(fixture, "sae.safetensors");
  const { tensors } = readSafetensors(readFileSync(file), file);
  const weights = Object.fromEntries(
    [...tensors].map(([name, one]) => [name, toTensor(one) as HostTensor<"float32">] as const),
  );
  bEnc?.(weights.b_enc!.data);
  return {
    config: trainConfig({ inputDim: 16, latentDim: 32, architecture: "topk-relu", options: { k: 4 }, epochs: 1 }),
    ...{ tensors: weights, epochsDone: 1, loss: [1], dataDigest: "", layer: null, position: null, origin, metrics: {} },
  };
}

/** Where the fixture's SAE belongs. */
export const belongs = { hook: "blocks.1", positions: "1.." };
export const sae = fileOf("sae.safetensors", writeCheckpoint(fixtureSae(belongs)));

/** What is measured where a test says nothing else. */
export const request = async ({
  file = join(fixture, "model.onnx"),
  ...more
}: Partial<EffectRequest> & { file?: string } = {}): Promise<EffectRequest> => ({
  model: await openLanguageModel(file),
  ...{ sae, text: join(fixture, "texts.jsonl"), tokenizer: undefined, keepSpecial: false, plain: false },
  ...{ maxTokens: 64, changes: [], controls: 1, seed: 0, batchTokens: 40, threads: 1, ...more },
});
