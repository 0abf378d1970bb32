import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { TrainState } from "../../src/train/state.ts";
import { LiveRows } from "../../src/train/steps/live/hostRows.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";

const page = readFileSync("src/train/steps/live/README.md", "utf8");
const latent = Number(/follows latent\s+(\d+)/.exec(page)![1]);

/** The lines of the page's table. */
const runs = [...page.matchAll(/^\| \d.*\|$/gm)].map(([line]) => {
  const [number, batches, group, ...numbers] = line.slice(2, -2).split(" | ") as [string, string, string, ...string[]];
  const [since, length, moved, m, v] = numbers.map(Number) as [number, number, number, number, number];
  return { number: Number(number), batches, group, since, length, moved, m, v };
});

const [inputDim, latentDim] = [400, 8192];
const config = (step: "live" | "dense") => trainConfig({ inputDim, latentDim, options: { k: 2 }, batchSize: 8, step });
const rng = random(1, "life of a row");
const rows = tensor(
  "float32",
  [16, inputDim],
  Float32Array.from({ length: 16 * inputDim }, () => rng.normal()),
);
const order = BigInt64Array.from({ length: 16 }, (_, i) => BigInt(i));
const bounds = { common: { from: 0, to: 8 }, rare: { from: 8, to: 16 } };

/** The batches that a cell names, such as "1 common, 1 rare". */
const boundsIn = (batches: string) =>
  batches.split(", ").flatMap((some) => {
    const [count, kind] = some.split(" ") as [string, keyof typeof bounds];
    return Array(Number(count)).fill(bounds[kind]);
  });

/** The states before the first run and after each one, and all losses. */
async function trained(step: "live" | "dense") {
  const trainer = await Trainer.open(cpu, config(step), rows, { threads: 1 });
  const states = [trainer.state];
  const losses: number[] = [];
  for (const { batches } of runs) {
    losses.push(...(await trainer.run({ order, bounds: boundsIn(batches) })));
    states.push(trainer.state);
  }
  await trainer.release();
  return { states, losses };
}

const rowOf = (state: TrainState, name: string) => state[name]!.data.slice(latent * inputDim, (latent + 1) * inputDim);
const lengthOf = (row: Float32Array) => Math.hypot(...row);
const between = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((v, i) => v - b[i]!));

/** The group that the latent's row is in when the next run starts. */
function groupOf(state: TrainState): string {
  const feeds = Object.entries(new LiveRows(config("live"), state).feeds());
  const [[name]] = feeds.filter(
    ([name, { data }]) => name.startsWith("latents.") && (data as BigInt64Array).includes(BigInt(latent)),
  ) as [[string, unknown]];
  return name.replace("latents.", "").replace(/\d+/, "block");
}

let live: Awaited<ReturnType<typeof trained>>;
beforeAll(async () => {
  live = await trained("live");
}, 120_000);

describe("the life of a row, as the page on the live step tells it", () => {
  test("the table goes through every group, and back from rest", () => {
    const groups = ["rest", "block", "block", "block", "drift", "drift", "rest", "rest", "block"];
    expect(runs.map(({ group }) => group)).toEqual(groups);
  });

  test.each(runs)("run $number, $batches: the row is then in $group", ({ number, ...told }) => {
    const [before, after] = [live.states[number - 1]!, live.states[number]!];
    expect(groupOf(after)).toBe(told.group);
    expect(after.steps_since_fired!.data[latent]).toBe(told.since);
    const found = {
      length: lengthOf(rowOf(after, "W_enc")),
      moved: between(rowOf(after, "W_enc"), rowOf(before, "W_enc")),
      m: lengthOf(rowOf(after, "m.W_enc")),
      v: lengthOf(rowOf(after, "v.W_enc")),
    };
    for (const name of ["length", "moved", "m", "v"] as const)
      if (told[name] === 0) expect(found[name], name).toBe(0);
      else expect(Math.abs(found[name] / told[name] - 1), `${name}: ${found[name]}`).toBeLessThan(0.02);
  });

  test("the dense step gives the same row after every run, and the same losses", async () => {
    const dense = await trained("dense");
    for (const [i, loss] of dense.losses.entries()) expect(Math.abs(live.losses[i]! / loss - 1)).toBeLessThan(1e-5);
    for (const { number, group, since } of runs)
      for (const name of ["W_enc", "W_dec", "v.W_enc", "v.W_dec", "m.W_enc", "m.W_dec"]) {
        const [here, there] = [live, dense].map(({ states }) => rowOf(states[number]!, name)) as [
          Float32Array,
          Float32Array,
        ];
        const isMoment = /^[mv][.]/.test(name);
        // A row at rest has dropped its first moment. The dense step still has what has decayed since run 3.
        const dropped = name.startsWith("m.") && group === "rest";
        const left = 1.01 * 0.9 ** since * lengthOf(rowOf(dense.states[3]!, name));
        // The gradient is a sum of much larger terms, so the moments have fewer correct digits than the weights.
        const most = dropped ? left : (isMoment ? 1e-4 : 1e-6) * lengthOf(there);
        expect(between(here, there), `run ${number}: ${name}`).toBeLessThanOrEqual(most);
      }
    // Left to itself, the row would have moved by less than 2^-24 of its length while it rested.
    const [from, to] = [dense.states[7]!, dense.states[8]!].map((state) => rowOf(state, "W_enc")) as [
      Float32Array,
      Float32Array,
    ];
    expect(between(from, to)).toBeLessThan(2 ** -24 * lengthOf(from));
  }, 240_000);
});
