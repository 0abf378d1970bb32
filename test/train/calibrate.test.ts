import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fittedTo, type TrainRequest, timedFor, trainConfig } from "../../src/config/config.ts";
import { configFromJson, configToJson } from "../../src/config/json.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { ShardReader } from "../../src/data/shards/shardFiles.node.ts";
import { openShards } from "../../src/data/shards/shardSet.node.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { trainable } from "../../src/sae/index.ts";
import { streamedRows } from "../../src/train/runs/rows.ts";
import { type TrainProgress, train } from "../../src/train/train.ts";
import { sliceRows, tensor } from "../../src/util/tensor.ts";
import { exampleOptions } from "../sae/cases.ts";
import { config, l0, noisyRows, offBy, request } from "./keptOfNewRows.ts";

const x = noisyRows(3000);
const training = sliceRows(x, 0, 1500);
const held = sliceRows(x, 1350, 1500);
const trained = (change: Partial<TrainRequest> = {}) => train(cpu, config(change), training, { threads: 1 });

test("after 7 epochs, 203 steps, new rows keep k within 5 percent; by a mean over batches they do not", async () => {
  expect(await offBy(7, 0.1)).toBeLessThan(0.05);
  expect(await offBy(7, 0)).toBeGreaterThan(0.05);
});

describe.each<[string, Partial<TrainRequest>]>([
  ["as it is", {}],
  ["on scaled and centred rows", { inputScale: "rows", centre: true }],
  ["with the running mean of the weights", { ema: 0.9 }],
  ["with other rows held out", { calibrate: 0.1, batchSize: 100 }],
])("%s", (_, change) => {
  test("rows held out keep k on average, exactly", async () => {
    const { state } = await trained(change);
    expect(Math.abs((await l0(change, state, held)) - 8)).toBeLessThan(2 / 150);
  });
});

test("no step sees the rows held out", async () => {
  const others = tensor(
    "float32",
    x.dims,
    x.data.map((v, i) => (i < 1350 * 32 ? v : -3 * v)),
  );
  const [one, other] = [await trained(), await train(cpu, config(), sliceRows(others, 0, 1500), { threads: 1 })];
  const { threshold: a, ...rest } = one.state;
  const { threshold: b, ...same } = other.state;
  expect(rest).toEqual(same);
  expect(one.loss).toEqual(other.loss);
  expect(a!.data[0]).not.toBe(b!.data[0]);
});

test("stopped and gone on, or made longer once finished, it gives the same bytes", async () => {
  const whole = await trained();
  const half = await train(cpu, config(), training, { threads: 1, onRun: async ({ epochsDone }) => epochsDone < 4 });
  expect(await train(cpu, config(), training, { threads: 1, from: half })).toEqual(whole);
  const resampling = { resampleEvery: 3, deadSteps: 20 };
  const short = await trained({ ...resampling, epochs: 6 });
  const longer: TrainProgress = await train(cpu, config(resampling), training, { threads: 1, from: short });
  expect(longer).toEqual(await trained(resampling));
});

test.each([undefined, 128])("rows in files give what rows in memory give (windows of %s)", async (shuffleRows) => {
  const folder = mkdtempSync(join(tmpdir(), "sae-onnx-calibrate-"));
  writeFileSync(join(folder, "a.npy"), writeNpy(training));
  const { shards } = await openShards([join(folder, "a.npy")], { source: folder });
  const reader = new ShardReader(shards);
  const source = streamedRows(
    [1500, 32],
    {
      async read(blocks) {
        const data = new Float32Array(blocks.reduce((sum, [from, to]) => sum + to - from, 0) * 32);
        await reader.read(blocks, data);
        return data;
      },
      free: (array) => array.fill(Number.NaN),
    },
    { ahead: true, onWait: () => {} },
  );
  // b_dec starts from the rows in memory at first: all of them, or a window.
  const change = { epochs: 3, shuffleRows, biasStart: "zeros" } as const;
  const [files, memory] = [await train(cpu, config(change), source, { threads: 1 }), await trained(change)];
  for (const [name, { data }] of Object.entries(memory.state))
    expect(Buffer.from(files.state[name]!.data.buffer).equals(Buffer.from(data.buffer)), name).toBe(true);
  expect(files.loss).toEqual(memory.loss);
});

test("files say what was held out; older ones held out nothing", () => {
  expect(configToJson(config()).calibrate).toBe(0.1);
  expect(configFromJson(configToJson(config()), "a")).toEqual(config());
  const { calibrate: _, ...older } = configToJson(config());
  expect(configFromJson(older, "a")).toEqual(config({ calibrate: 0 }));
  for (const { name } of trainable.filter(({ state }) => !state?.threshold))
    expect(
      configToJson(trainConfig({ ...request, architecture: name, options: exampleOptions(name, request.latentDim) })),
    ).not.toHaveProperty("calibrate");
});

describe("counted and refused", () => {
  test("steps are those of the rows that are trained on", () => {
    expect(timedFor(config({ schedule: "linear" }), 1500).totalSteps).toBe(220);
    expect(fittedTo(config({ shuffleRows: 1350 }), 1500)).not.toHaveProperty("shuffleRows");
    expect(fittedTo(config({ shuffleRows: 1349 }), 1500).shuffleRows).toBe(1349);
  });

  test.each<[Partial<TrainRequest>, string]>([
    [
      { architecture: "topk", calibrate: 0.1 },
      "calibrate sets a threshold, which architecture topk has not; leave calibrate out",
    ],
    [{ calibrate: 0.6 }, "calibrate must be a number from 0 to 0.5, got 0.6"],
    [{ calibrate: -1 }, "calibrate must be a number from 0 to 0.5, got -1"],
  ])("%j", (change, message) => {
    expect(() => config(change)).toThrow(message);
  });

  test("fewer rows left than a batch", async () => {
    const message =
      "calibrate holds out 7 of 66 training rows, and the 59 left are fewer than one batch of 64; use a smaller batch size or more rows, or calibrate 0";
    await expect(train(cpu, config(), sliceRows(x, 0, 66))).rejects.toThrow(message);
  });
});
