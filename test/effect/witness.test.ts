import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { trainConfig } from "../../src/config/config.ts";
import { readSafetensors, toTensor } from "../../src/data/safetensors.ts";
import { parseLatents } from "../../src/effect/changes.ts";
import { type Effect, type EffectRequest, measureEffect } from "../../src/effect/effect.node.ts";
import { openLanguageModel } from "../../src/harvest/model.node.ts";
import type { HostTensor } from "../../src/util/tensor.ts";

/** What PyTorch says in float64; see effect_witness.py. */
interface Witness {
  readonly latents: readonly [number, number, number];
  readonly changed: number;
  readonly losses: Readonly<
    Record<string, Record<string, { readonly tokens: number; readonly cross_entropy: number; readonly kl: number }>>
  >;
}

const folder = "test/fixtures/effect";
const witness: Witness = JSON.parse(readFileSync(join(folder, "witness.json"), "utf8"));
const own = mkdtempSync(join(tmpdir(), "sae-onnx-"));
const sae = join(own, "sae.safetensors");
const [a, b, c] = witness.latents;

/** A checkpoint with the fixture's weights, and where its rows come from. */
function checkpoint(origin: Record<string, string | number> | null): Uint8Array {
  const file = join(folder, "sae.safetensors");
  const { tensors } = readSafetensors(readFileSync(file), file);
  return writeCheckpoint({
    config: trainConfig({ inputDim: 16, latentDim: 32, architecture: "topk-relu", options: { k: 4 } }),
    tensors: Object.fromEntries([...tensors].map(([name, one]) => [name, toTensor(one) as HostTensor<"float32">])),
    ...{ epochsDone: 100, loss: [], dataDigest: "", layer: null, position: null, origin, metrics: {} },
  });
}

const request = async (more: Partial<EffectRequest> = {}): Promise<EffectRequest> => ({
  model: await openLanguageModel(join(folder, "model.onnx")),
  ...{ sae, text: join(folder, "texts.jsonl"), tokenizer: undefined, keepSpecial: false, plain: false },
  ...{ maxTokens: 64, changes: [], controls: 1, seed: 0, batchTokens: 40, threads: 1, ...more },
});

let effect: Effect;
beforeAll(async () => {
  writeFileSync(sae, checkpoint({ hook: "blocks.1", positions: "1.." }));
  const changes = [
    ...parseLatents("ablate", `${a},${a}+${b}`),
    ...parseLatents("scale", `${b}:-2.5`),
    ...parseLatents("steer", `${c}:6`),
  ];
  effect = await measureEffect(await request({ changes }));
});

describe("as PyTorch has it in float64, to 1e-4", () => {
  const { unchanged, ...changes } = witness.losses;

  test("the same tokens, at the place and positions that the SAE says", () => {
    const { at, positions, texts, short, changed, losses } = effect;
    expect({ at, positions, texts, short, changed }).toEqual({
      ...{ at: "blocks.1", positions: "1..", texts: 13, short: 1, changed: witness.changed },
    });
    expect(losses!.tokens).toBe(unchanged!.all!.tokens);
    expect(Object.keys(losses!.changes)).toEqual(Object.keys(changes));
    expect(losses!.positions.map(({ from, tokens }) => [String(from), tokens])).toEqual(
      Object.entries(unchanged!)
        .filter(([key]) => key !== "all")
        .map(([key, { tokens }]) => [key, tokens]),
    );
  });

  test("unchanged, of all tokens and by position", () => {
    expect(Math.abs(effect.losses!.cross_entropy - unchanged!.all!.cross_entropy)).toBeLessThan(1e-4);
    for (const { from, cross_entropy } of effect.losses!.positions)
      expect(Math.abs(cross_entropy - unchanged![from]!.cross_entropy)).toBeLessThan(1e-4);
  });

  test.each(Object.keys(changes))("%s", (name) => {
    for (const { key, found } of [
      { key: "all", found: effect.losses! },
      ...effect.losses!.positions.map((one) => ({ key: String(one.from), found: one })),
    ]) {
      const expected = changes[name]![key]!;
      expect(Math.abs(found.changes[name]!.cross_entropy - expected.cross_entropy)).toBeLessThan(1e-4);
      expect(Math.abs(found.changes[name]!.kl - expected.kl)).toBeLessThan(1e-4);
      const of = (other: string) => witness.losses[other]![key]!.cross_entropy;
      for (const [value, worst] of [
        [found.changes[name]!.recovered, of("zero")],
        [found.changes[name]!.recovered_mean, of("mean")],
      ] as const)
        if (worst <= of("unchanged")) expect(value).toBeNull();
        else {
          const wanted = (worst - expected.cross_entropy) / (worst - of("unchanged"));
          expect(Math.abs(value! - wanted)).toBeLessThan(1e-4 * Math.max(1, 3 / (worst - of("unchanged"))));
        }
    }
  });

  test("the changes are seen: no two are alike, and most do harm", () => {
    const all = Object.values(effect.losses!.changes).map(({ kl }) => kl);
    expect(new Set(all).size).toBe(all.length);
    expect(Math.min(...all)).toBeGreaterThan(1e-3);
    expect(effect.losses!.changes.zero!.recovered).toBe(0);
    expect(effect.losses!.changes.mean!.recovered_mean).toBe(0);
  });
});

test("batches of any size give the same", async () => {
  const other = await measureEffect(await request({ batchTokens: 7 }));
  for (const [name, { cross_entropy, kl }] of Object.entries(other.losses!.changes)) {
    expect(Math.abs(cross_entropy - effect.losses!.changes[name]!.cross_entropy)).toBeLessThan(1e-5);
    expect(Math.abs(kl - effect.losses!.changes[name]!.kl)).toBeLessThan(1e-5);
  }
});

test("a latent that never fires changes nothing, to the bit", async () => {
  const silent = checkpoint({ hook: "blocks.1" });
  const path = join(own, "silent.safetensors");
  const { tensors, metadata } = readSafetensors(silent, path);
  expect(metadata.format).toBe("sae-onnx");
  const bias = toTensor(tensors.get("b_enc")!).data as Float32Array;
  const bytes = Buffer.from(silent);
  // The bias of latent 5, far below what any row reaches.
  const at = bytes.indexOf(Buffer.from(bias.buffer, bias.byteOffset, bias.byteLength));
  bytes.writeFloatLE(-1e6, at + 4 * 5);
  writeFileSync(path, bytes);
  const { losses } = await measureEffect(await request({ sae: path, changes: parseLatents("ablate", "5") }));
  const { cross_entropy, kl } = losses!.changes["ablate 5"]!;
  expect({ cross_entropy, kl }).toEqual({ cross_entropy: losses!.cross_entropy, kl: 0 });
});
