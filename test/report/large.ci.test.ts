import { expect, test } from "vitest";
import type { MetricsFile, SaeRecord } from "../../src/record/record.ts";
import { mostGridFiles } from "../../src/report/derived.ts";
import { buildReport } from "../../src/report/report.ts";
import { fileOf, row } from "./sample.ts";

/** The same numbers every time. */
function* numbers(): Generator<number, never> {
  for (let state = 1; ; ) {
    state = (state * 16807) % 2147483647;
    yield state / 2147483647;
  }
}

/** Grids of many SAEs: what tells them apart. */
const kinds: Readonly<Record<string, (i: number, next: () => number) => Partial<SaeRecord>>> = {
  "layers, positions, sizes and seeds": (i) => ({
    ...{ layer: i % 32, position: Math.floor(i / 32) % 5, seed: Math.floor(i / 4000) },
    ...{ k: [5, 10, 20, 100, 200][Math.floor(i / 160) % 5]!, latent_dim: 512 * (1 + (Math.floor(i / 800) % 5)) },
  }),
  "sizes alone, in no grid": (_, next) => ({
    ...{ k: 1 + Math.floor(next() * 2000), latent_dim: 16 + Math.floor(next() * 10_000) },
  }),
  "nothing but the name": () => ({}),
};

function large(kind: string, count: number): MetricsFile {
  const stream = numbers();
  const next = () => stream.next().value;
  return fileOf(
    Array.from({ length: count }, (_, i) => {
      const metrics = {
        ...{ explained_variance: next(), explained_variance_centered: next() - 0.1, l0_mean: 5 + 100 * next() },
        ...{ feature_death_rate: next() / 2, mean_activation: next(), reconstruction_loss: next() },
      };
      return row({ ...kinds[kind]!(i, next), name: `sae_${i}`, metrics, loss: [1, 0.5, next()] });
    }),
  );
}

/** Seconds that this process computes: others on the machine do not count. */
async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

test.each(Object.keys(kinds))(
  "20,000 SAEs told apart by %s are reported in less than 10 seconds",
  async (kind) => {
    const file = large(kind, 20_000);
    let files: ReadonlyMap<string, string> = new Map();
    const taken = await seconds(async () => {
      files = await buildReport(file);
    });
    expect(taken).toBeLessThan(10);
    const [page, csv] = [files.get("index.html")!, files.get("metrics.csv")!];
    expect(csv.trimEnd().split("\n")).toHaveLength(20_001);
    expect(page.length).toBeLessThan(10e6);
    expect(page).toContain("The first 1000 of 20000 rows; metrics.csv has all SAEs.");
    expect(files.size).toBeLessThan(mostGridFiles + 100);
    // Sizes at random fill no plane, and every name is a grid of its own.
    if (kind !== "layers, positions, sizes and seeds") {
      expect(page).toMatch(
        /Not drawn: Explained Variance \(Higher = Better Reconstruction\); \d+ (cells|grids) are too many/,
      );
      expect(page).toContain("there would be more than 1000. metrics.csv has all SAEs.");
    }
  },
  300_000,
);

test("four times as many SAEs take less than eight times as long", async () => {
  const kind = "sizes alone, in no grid";
  await buildReport(large(kind, 1000));
  const [few, many] = [large(kind, 5000), large(kind, 20_000)];
  const before = await seconds(() => buildReport(few));
  expect(await seconds(() => buildReport(many))).toBeLessThan(8 * before);
}, 300_000);
