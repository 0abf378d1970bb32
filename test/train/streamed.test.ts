import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeNpy } from "../../src/data/npy.ts";
import { RowSpans } from "../../src/data/rowSpans.ts";
import { ShardReader } from "../../src/data/shards/shardFiles.node.ts";
import { openShards } from "../../src/data/shards/shardSet.node.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { TrainingProcess } from "../../src/train/process/trainingProcess.node.ts";
import { streamedRows, type WindowReader } from "../../src/train/runs/rows.ts";
import { type TrainProgress, train } from "../../src/train/train.ts";
import { sliceRows } from "../../src/util/tensor.ts";
import { cases } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const x = dictionaryRows(300, 16);
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-streamed-"));
const paths = [0, 120, 130].map((from, i, all) => {
  const path = join(folder, `${i}.npy`);
  writeFileSync(path, writeNpy(sliceRows(x, from, all[i + 1] ?? 300)));
  return path;
});
const set = await openShards(paths, { source: folder });

/** Reads in this thread, as the reading thread does; counts the arrays that are out at the same time. */
function reader(): WindowReader & { readonly most: () => number } {
  const files = new ShardReader(set.shards);
  let [out, most] = [0, 0];
  return {
    async read(blocks) {
      most = Math.max(most, ++out);
      const data = new Float32Array(blocks.reduce((sum, [from, to]) => sum + to - from, 0) * 16);
      await files.read(blocks, data);
      return data;
    },
    free(array) {
      out--;
      // Nobody may use it any more.
      array.fill(Number.NaN);
    },
    most: () => most,
  };
}

const streamed = (ahead: boolean, from = reader()) => streamedRows([300, 16], from, { ahead, onWait: () => {} });
const options = { threads: 1 } as const;

describe.each(cases)("$name", ({ config: configOf }) => {
  test.each([true, false])("all rows in one window: the bytes of training in memory (ahead %s)", async (ahead) => {
    const config = configOf({ epochs: 2 });
    expect(await train(cpu, config, streamed(ahead), options)).toEqual(await train(cpu, config, x, options));
  });
});

const config = cases[0]!.config({ epochs: 3, shuffleRows: 50 });

describe("more rows than a window holds", () => {
  test.each([
    [true, 2],
    [false, 1],
  ])("the bytes of training in memory, with ahead = %s in %d windows of memory", async (ahead, windows) => {
    const from = reader();
    expect(await train(cpu, config, streamed(ahead, from), options)).toEqual(await train(cpu, config, x, options));
    expect(from.most()).toBe(windows);
  });

  test("killed in any window and gone on with: the same bytes", async () => {
    const states: TrainProgress[] = [];
    const onPause = async (_: number, progress: TrainProgress | undefined) => {
      states.push({ ...progress!, state: progress!.state });
    };
    const whole = await train(cpu, config, streamed(true), { ...options, onPause });
    expect(states.length).toBeGreaterThan(10);
    for (const from of states.filter((_, i) => i % 4 === 1))
      expect(await train(cpu, config, streamed(true), { ...options, from })).toEqual(whole);
  });

  test("stopped after any epoch and gone on with: the same bytes", async () => {
    const whole = await train(cpu, config, streamed(true), options);
    for (const stop of [1, 2]) {
      const onRun = async ({ epochsDone }: { epochsDone: number }) => epochsDone < stop;
      const from = await train(cpu, config, streamed(true), { ...options, onRun });
      expect(from.epochsDone).toBe(stop);
      expect(await train(cpu, config, streamed(false), { ...options, from })).toEqual(whole);
    }
  });

  test("another number of rows shuffled at a time is another order", async () => {
    const other = await train(cpu, { ...config, shuffleRows: 300 }, streamed(true), options);
    expect(other.loss).not.toEqual((await train(cpu, config, streamed(true), options)).loss);
  });

  test.each([true, false])(
    "in a process with a reading thread: the same, one SAE after another (ahead %s)",
    async (ahead) => {
      const { bounds } = RowSpans.of([0, 300]);
      const child = new TrainingProcess();
      await child.hand({ shards: set.shards, bounds }, { ahead });
      const controller = new AbortController();
      controller.abort();
      // Stopped in between, with a window on its way.
      await child.train({ config, provider: "cpu", threads: 1, signal: controller.signal });
      const { seconds, waited, ...progress } = await child.train({ config, provider: "cpu", threads: 1 });
      expect(progress).toEqual(await train(cpu, config, x, options));
      expect(waited).toBeLessThan(seconds);
      child.close();
    },
  );
});
