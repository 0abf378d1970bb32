import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { parseLatents } from "../../src/effect/changes.ts";
import { type Effect, measureEffect } from "../../src/effect/effect.node.ts";
import { belongs, fileOf, fixture, fixtureSae, request } from "./helpers.ts";

/** What PyTorch says in float64; see effect_witness.py. */
interface Witness {
  readonly latents: readonly [number, number, number];
  readonly changed: number;
  readonly losses: Readonly<
    Record<string, Record<string, { readonly tokens: number; readonly cross_entropy: number; readonly kl: number }>>
  >;
}

const witness: Witness = JSON.parse(readFileSync(join(fixture, "witness.json"), "utf8"));
const [a, b, c] = witness.latents;

let effect: Effect;
beforeAll(async () => {
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
  const bytes = writeCheckpoint(
    fixtureSae(belongs, (bias) => {
      bias[5] = -1e6;
    }),
  );
  const silent = fileOf("silent.safetensors", bytes);
  const { losses } = await measureEffect(await request({ sae: silent, changes: parseLatents("ablate", "5") }));
  const { cross_entropy, kl } = losses!.changes["ablate 5"]!;
  expect({ cross_entropy, kl }).toEqual({ cross_entropy: losses!.cross_entropy, kl: 0 });
});
