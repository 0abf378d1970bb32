import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gridConfigs } from "../../src/config/grid.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { planGrid } from "../../src/pipeline/grid/plan.node.ts";
import type { GridRun } from "../../src/pipeline/grid/request.ts";
import { openActivations } from "../../src/pipeline/open.node.ts";
import { trainGrid } from "../../src/pipeline/trainGrid.node.ts";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";

const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));
const rng = random(1, "plan");
const x = tensor(
  "float32",
  [100, 32],
  Float32Array.from({ length: 3200 }, () => rng.normal()),
);
writeFileSync(join(folder, "acts.npy"), writeNpy(x));

/** A grid of so many SAEs of 32 dims. */
async function run(cells: number, more: Partial<GridRun> = {}, latentDim = 64): Promise<GridRun> {
  const set = more.set ?? (await openActivations(join(folder, "acts.npy")));
  const k = Array.from({ length: cells }, (_, i) => i + 1);
  const lists = { latentDim: [latentDim], k, epochs: [2], batchSize: [32] };
  const configs = gridConfigs({ architecture: "topk", inputDim: 32, lists, shared: {} });
  const machine = { cores: 64, memory: 64e9 };
  return { set, configs, out: join(folder, "models"), name: "sae", provider: "cpu", machine, ...more };
}
const shared = async (...given: Parameters<typeof run>) => {
  const { jobs, threads } = (await planGrid(await run(...given))).share;
  return [jobs, threads];
};

describe("cores and memory are shared among the SAEs left to train", () => {
  test("as many side by side as there is memory for, each with its part of the cores", async () => {
    expect(await shared(12)).toEqual([12, 5]);
    // A process takes about 200 MB, and so does the one that plans.
    expect(await shared(12, { machine: { cores: 64, memory: 1.5e9 } })).toEqual([6, 5]);
    expect(await shared(12, { machine: { cores: 64, memory: 1e8 } })).toEqual([1, 5]);
    const wide = await shared(12, { machine: { cores: 16, memory: 4e9 } }, 2 ** 16);
    expect(wide[0]).toBeGreaterThan(0);
    expect(wide[0]).toBeLessThan(8);
  });

  test("processes by hand are as many, whatever memory is free", async () => {
    expect(await shared(12, { jobs: 9, machine: { cores: 64, memory: 1e8 } })).toEqual([9, 5]);
  });

  test("a set in files stays within its own bound", async () => {
    const set = await openActivations(join(folder, "acts.npy"), { memory: 0 });
    expect("shards" in set).toBe(true);
    const few = await planGrid(await run(12, { set, memory: 1e9 }));
    expect(few.share).toEqual({ jobs: 3, threads: 5 });
    expect(few.sentence).toMatch(/; no more fit in --memory \(1 GB\)$/);
    expect(await shared(12, { set, memory: 8e9, machine: { cores: 64, memory: 1e8 } })).toEqual([12, 5]);
  });

  test("on WebAssembly each has one thread", async () => {
    expect(await shared(2, { provider: "wasm" })).toEqual([2, 1]);
  });

  test("what is finished does not count, and its threads do not matter", async () => {
    const two = await run(2, { machine: { cores: 2, memory: 64e9 } });
    const { file } = await trainGrid(await planGrid(two));
    expect(file.rows.map(({ threads }) => threads)).toEqual([1, 1]);
    const again = await planGrid({ ...two, threads: 2 });
    expect([again.share.jobs, again.sentence]).toEqual([0, undefined]);
    const three = await planGrid(await run(3));
    expect(three.share).toEqual({ jobs: 1, threads: 64 });
    expect(three.entries.map(({ threads }) => threads)).toEqual([1, 1, 64]);
    // With nothing left to train, the file still says what the grid began with.
    const reused = await trainGrid(again);
    expect(reused.file.config.threads).toBe(1);
    expect(JSON.parse(readFileSync(reused.path, "utf8")).rows[0].threads).toBe(1);
    expect((await planGrid({ ...two, force: true, machine: { cores: 8, memory: 64e9 } })).share.threads).toBe(4);
  });
});

describe("too few rows to train on", () => {
  test("the file is named", async () => {
    const { configs, ...rest } = await run(1);
    const large = configs.map((one) => ({ ...one, batchSize: 512 }));
    await expect(planGrid({ ...rest, configs: large })).rejects.toThrow(
      "acts.npy: 80 training rows are fewer than one batch of 512; use a smaller batch size (batchSize) or more rows",
    );
  });

  test.each([1e9, 0])("where the column says that none trains, that is why (%d bytes of memory)", async (memory) => {
    const split = tensor("int32", [100], new Int32Array(100).fill(1));
    writeFileSync(join(folder, "held.safetensors"), writeSafetensors({ activations: x, split }));
    const set = await openActivations(join(folder, "held.safetensors"), { memory });
    await expect(run(1, { set }).then(planGrid)).rejects.toThrow(
      'held.safetensors: no row trains, its column "split" has no 0; write 0 for rows that train, or give trainRows',
    );
    expect((await planGrid(await run(1, { set, trainRows: 80 }))).data.info.train_rows).toBe(80);
  });
});
