import { describe, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import type { TrainConfig } from "../../src/config/config.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { IdleSessions } from "../../src/runtime/idleSessions.ts";
import { shuffledBatches } from "../../src/train/runs/batches.ts";
import type { TrainState } from "../../src/train/state.ts";
import { type TrainProgress, train } from "../../src/train/train.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { sliceRows } from "../../src/util/tensor.ts";
import { cases } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const x = dictionaryRows(100, 16);
const first = cases[0]!;

/** A training's progress as a file. */
const saved = (config: TrainConfig, { state: tensors, ...rest }: TrainProgress) =>
  writeCheckpoint({ config, tensors, ...rest, dataDigest: "", layer: null, position: null, metrics: {} });

describe.each(cases)("$name", ({ config: configOf }) => {
  const config = configOf({ epochs: 4 });
  const whole = train(cpu, config, x, { threads: 1 });

  test.each([2, 3, 4, 9])("%d epochs in a run give the same bytes as one", async (epochsPerRun) => {
    expect(await train(cpu, config, x, { threads: 1, epochsPerRun })).toEqual(await whole);
  });

  test("a run of the session for each step gives the same bytes", async () => {
    expect(await train(cpu, config, x, { threads: 1, secondsPerRun: 0 })).toEqual(await whole);
  });

  test.each([1, 2, 3])("stopped after epoch %d, saved, read and resumed: the same bytes", async (stop) => {
    const onRun = async ({ epochsDone }: TrainProgress) => epochsDone < stop;
    const stopped = await train(cpu, config, x, { threads: 1, epochsPerRun: 1, onRun });
    expect(stopped.epochsDone).toBe(stop);
    const read = readCheckpoint(saved(config, stopped), "stopped.safetensors");
    const from: TrainProgress = { state: read.tensors as TrainState, epochsDone: read.epochsDone, loss: read.loss };
    expect(await train(cpu, read.config, x, { threads: 1, from })).toEqual(await whole);
  });

  test("killed within the second epoch, saved, read and resumed: the same bytes", async () => {
    let pauses = 0;
    let bytes: Uint8Array = new Uint8Array();
    const onPause = async (_: number, progress: TrainProgress | undefined) => {
      if (progress!.epochsDone === 1 && pauses++ === 0) bytes = saved(config, progress!);
    };
    await train(cpu, { ...config, step: "dense" }, x, { threads: 1, secondsPerRun: 0, onPause });
    const { tensors: state, epochsDone, loss, within } = readCheckpoint(bytes, "killed.safetensors");
    expect(within!.rows % config.batchSize).toBe(0);
    const from = { state: state as TrainState, epochsDone, loss, within };
    const dense = await train(cpu, { ...config, step: "dense" }, x, { threads: 1 });
    expect(await train(cpu, { ...config, step: "dense" }, x, { threads: 1, from })).toEqual(dense);
  });
});

test("step live, whose runs are by size: killed after any run of the first two epochs and resumed, the same bytes", async () => {
  // 334 steps an epoch, and none of its runs has more than 262.
  const rows = dictionaryRows(1000, 16);
  const config = first.config({ epochs: 2, step: "live", batchSize: 3 });
  const states: TrainProgress[] = [];
  const onPause = async (_: number, progress: TrainProgress | undefined) => {
    states.push({ ...progress!, state: progress!.state });
  };
  const whole = await train(cpu, config, rows, { threads: 1, onPause });
  expect(states.map(({ epochsDone, within }) => [epochsDone, within!.rows])).toEqual([
    [0, 3],
    [0, 504],
    [1, 501],
  ]);
  for (const from of states) expect(await train(cpu, config, rows, { threads: 1, from })).toEqual(whole);
  const fewer = train(cpu, config, sliceRows(rows, 0, 300), { threads: 1, from: states[1] });
  await expect(fewer).rejects.toThrow(/^the state is after 504 rows of an epoch, which has 300; /);
});

test.each(["live", "dense"])("step %s: in a session that another training left, the same bytes", async (step) => {
  const config = first.config({ epochs: 2, step });
  const sessions = new IdleSessions();
  await train(cpu, { ...config, seed: 7, epochs: 1 }, x, { threads: 1, sessions });
  let opened = 0;
  const open: typeof cpu.open = (...given) => {
    opened++;
    return cpu.open(...given);
  };
  const counting = { ...cpu, open };
  expect(await train(counting, config, x, { threads: 1, sessions })).toEqual(
    await train(cpu, config, x, { threads: 1 }),
  );
  expect(opened).toBe(0);
});

describe.each(["live", "dense"])("progress of step %s", (step) => {
  const config = first.config({ epochs: 3, step });
  const upTo = async (epochs: number) => (await train(cpu, { ...config, epochs }, x, { threads: 1 })).state;

  const kept = async (look: (progress: TrainProgress) => void) => {
    const all: TrainProgress[] = [];
    const onRun = async (progress: TrainProgress) => {
      look(progress);
      all.push(progress);
      return true;
    };
    await train(cpu, config, x, { threads: 1, epochsPerRun: 1, onRun });
    return all;
  };

  test("kept beyond its callback, it has the state it was read with", async () => {
    const all = await kept(({ state }) => expect(state).toBeDefined());
    for (const [i, { state }] of all.entries()) expect(state).toEqual(await upTo(i + 1));
  });

  test("not read in its callback, its state is refused afterwards", async () => {
    const [one] = await kept(() => {});
    expect(() => one!.state).toThrow("the state after epoch 1 is gone; read progress.state before onRun returns");
  });
});

describe("the last batch of an epoch is what is left", () => {
  const config = first.config({ batchSize: 8, epochs: 1 });
  const thirty = sliceRows(x, 0, 30);

  test("30 rows at 8 are 4 steps, the last of 6", () => {
    const { order, bounds } = shuffledBatches(config, 30, [0, 1]);
    expect(order.length).toBe(60);
    expect(bounds.map(({ from, to }) => to - from)).toEqual([8, 8, 8, 6, 8, 8, 8, 6]);
    expect(bounds.map(({ from }) => from)).toEqual([0, 8, 16, 24, 30, 38, 46, 54]);
  });

  test("its loss and gradient are means over 6", async () => {
    const { order, bounds } = shuffledBatches(config, 30, [0]);
    const whole = await Trainer.open(cpu, config, thirty, { threads: 1 });
    const losses = await whole.run({ order, bounds });
    expect(losses.length).toBe(4);

    // The same four steps one by one, the last one on a training set of those 6 rows alone.
    const steps = await Trainer.open(cpu, config, thirty, { threads: 1 });
    await steps.run({ order, bounds: bounds.slice(0, 3) });
    const last = order.slice(24, 30);
    const small = {
      ...thirty,
      dims: [6, 16],
      data: Float32Array.from({ length: 96 }, (_, i) => thirty.data[Number(last[Math.floor(i / 16)]) * 16 + (i % 16)]!),
    };
    const alone = await Trainer.open(cpu, { ...config, batchSize: 6 }, small, { state: steps.state, threads: 1 });
    const loss = await alone.run({ order: BigInt64Array.from([0n, 1n, 2n, 3n, 4n, 5n]), bounds: [{ from: 0, to: 6 }] });
    expect(loss[0]).toBe(losses[3]);
    expect(alone.state).toEqual(whole.state);
    await Promise.all([whole, steps, alone].map((one) => one.release()));
  });

  test("the epoch's loss weighs it by its rows", async () => {
    const trainer = await Trainer.open(cpu, config, thirty, { threads: 1 });
    const losses = await trainer.run(shuffledBatches(config, 30, [0]));
    await trainer.release();
    const { loss } = await train(cpu, config, thirty, { threads: 1 });
    expect(loss[0]).toBeCloseTo((8 * (losses[0]! + losses[1]! + losses[2]!) + 6 * losses[3]!) / 30, 12);
  });
});

describe("shuffledBatches", () => {
  const of = (seed: number, epochs: number[]) =>
    shuffledBatches(first.config({ seed, batchSize: 8 }), 50, epochs).order;

  test("every epoch is a permutation of the rows", () => {
    const order = of(1, [0, 1, 2]);
    for (const start of [0, 50, 100])
      expect(Array.from(order.slice(start, start + 50), Number).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 50 }, (_, i) => i),
      );
  });

  test("another order each epoch and for each seed, the same for the same", () => {
    expect(of(1, [0])).toEqual(of(1, [0]));
    expect(of(1, [0])).not.toEqual(of(1, [1]));
    expect(of(1, [0])).not.toEqual(of(2, [0]));
    expect(of(1, [3])).toEqual(of(1, [2, 3]).slice(50));
  });
});

test("too few rows and another width are refused before anything is opened", async () => {
  await expect(train(cpu, first.config({ batchSize: 101 }), x)).rejects.toThrow(
    "100 training rows are fewer than one batch of 101",
  );
  await expect(train(cpu, first.config({ inputDim: 17 }), x)).rejects.toThrow(
    "activations are 16 wide, the configuration says inputDim = 17",
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "a row with %s is refused by its number before a step",
  async (value) => {
    const bad = { ...x, data: x.data.slice() };
    bad.data.set([value], 3 * 16 + 2);
    bad.data.set([value], 7 * 16);
    const said = `${value} at row 3, column 2; 2 of 100 rows affected; drop these rows`;
    const config = first.config({ epochs: 1 });
    await expect(train(cpu, config, bad)).rejects.toThrow(new ConfigError(`activations: ${said}`));
    const transcoder = first.config({ epochs: 1, outputDim: 16 });
    await expect(train(cpu, transcoder, { activations: x, targets: bad })).rejects.toThrow(`targets: ${said}`);
  },
);

test("a loss that is no number ends the training with a hint", async () => {
  const config = first.config({ learningRate: 1e38, epochs: 5 });
  await expect(train(cpu, config, x, { threads: 1 })).rejects.toThrow(
    /no longer a number in epoch \d; a smaller learning rate than 1e\+38 may help/,
  );
});

test("rows whose squares are no float32 numbers end it with another hint, and can be trained as that says", async () => {
  const long = { ...x, data: x.data.map((v) => v * 1e20) };
  const config = (inputScale: string) => first.config({ epochs: 1, inputScale });
  await expect(train(cpu, config("none"), long, { threads: 1 })).rejects.toThrow(
    /in epoch 1; rows are up to \S+e\+2\d long, and the squares .* float32 holds; inputScale rows makes them shorter/,
  );
  expect((await train(cpu, config("rows"), long, { threads: 1 })).loss[0]).toBeLessThan(10);
});
