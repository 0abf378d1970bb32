import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readSafetensors, toTensor } from "../../src/data/safetensors.ts";
import { saeOnnx, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const data = at("acts.safetensors");
const sizes = ["--latent-dim", "6", "--k", "2", "--epochs", "3"];

/** Rows of a decoder, of length 1. */
function decoder(name: string): number[][] {
  const W = toTensor(readSafetensors(readFileSync(at(name)), name).tensors.get("W_dec")!);
  const width = W.dims[1]!;
  return Array.from({ length: W.dims[0]! }, (_, i) => {
    const row = [...(W.data as Float32Array).subarray(i * width, (i + 1) * width)];
    const length = Math.hypot(...row);
    return row.map((v) => v / length);
  });
}

function* permutations(rest: readonly number[], taken: readonly number[] = []): Generator<readonly number[]> {
  if (rest.length === 0) yield taken;
  for (const one of rest)
    yield* permutations(
      rest.filter((other) => other !== one),
      [...taken, one],
    );
}

describe.sequential("what train says beside its numbers", () => {
  test("one sentence of what is better than chance", () => {
    expect(
      saeOnnx(
        "synth",
        "--quiet",
        "--out",
        data,
        "--rows",
        "400",
        "--input-dim",
        "8",
        "--features",
        "12",
        "--mean-active",
        "2",
      ).status,
    ).toBe(0);
    const { stdout, status, stderr } = saeOnnx("train", "--data", data, ...sizes, "--out", folder, "--quiet");
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(
      /Beyond chance, in centred EV at the same size and L0: \d\.\d{3} (above|below) a random encoder with the best decoder \(-?\d\.\d{3}\), \d\.\d{3} (above|below) a random dictionary/,
    );
  });

  test("the latents that seeds share, matched one to one", () => {
    const { stdout, status, stderr } = saeOnnx(
      ...[
        "train",
        "--data",
        data,
        ...sizes,
        "--seeds",
        "0,1,2",
        "--name",
        "seeds",
        "--out",
        folder,
        "--json",
        "--quiet",
      ],
    );
    expect(status, stderr).toBe(0);
    const { rows } = JSON.parse(stdout);
    const decoders = [0, 1, 2].map((seed) => decoder(`seeds_d6_k2_s${seed}.safetensors`));
    const orders = [...permutations([0, 1, 2, 3, 4, 5])];
    const share = (a: number[][], b: number[][], from: number) => {
      const cosines = a.map((row) => b.map((other) => Math.abs(row.reduce((sum, v, i) => sum + v * other[i]!, 0))));
      const sum = (order: readonly number[]) => order.reduce((all, j, i) => all + cosines[i]![j]!, 0);
      const best = orders.reduce((best, order) => (sum(order) > sum(best) ? order : best));
      return best.filter((j, i) => cosines[i]![j]! >= from).length / 6;
    };
    for (const [i, own] of decoders.entries()) {
      const others = decoders.filter((_, j) => j !== i);
      for (const [key, from] of [
        ["shared_features_70", 0.7],
        ["shared_features_90", 0.9],
      ] as const)
        expect(rows[i][key], key).toBeCloseTo(
          others.reduce((sum, other) => sum + share(own, other, from) / 2, 0),
          6,
        );
    }
    expect(rows[0].splits).toMatchObject({ shared_features_70: "all" });
    const report = saeOnnx("report", at("seeds.metrics.json"), "--out", at("report"), "--quiet");
    expect(report.status, report.stderr).toBe(0);
    const page = readFileSync(at("report/report.md"), "utf8");
    expect(page).toContain("Shared with other seeds (.7)");
    expect(page).toContain("Beyond chance, in centred EV");
  });
});
