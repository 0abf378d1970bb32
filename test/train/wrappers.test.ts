import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import type { TrainConfig } from "../../src/config/config.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { freeze } from "../../src/export/freeze.ts";
import { cpu, webgpu } from "../../src/runtime/cpu.node.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { wasm } from "../../src/runtime/web.ts";
import { shuffledBatches } from "../../src/train/runs/batches.ts";
import type { TrainState } from "../../src/train/state.ts";
import { train } from "../../src/train/train.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { WrapperName } from "../../src/train/wrappers/index.ts";
import { sliceRows } from "../../src/util/tensor.ts";
import { webgpuHere } from "../runtime/swiftshader.ts";
import { cases } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const x = dictionaryRows(100, 16);
const dense = cases.filter(({ config }) => config({ step: "dense" }).step === "dense");

/** Largest difference of two states' entries. */
const apart = (a: TrainState, b: TrainState): number =>
  Math.max(
    ...Object.entries(a).map(([name, { data }]) =>
      data.reduce((most, v, i) => Math.max(most, Math.abs(v - b[name]!.data[i]!)), 0),
    ),
  );

/** Two epochs; the state after the full batches of the first, and after all. */
async function trained(runtime: Runtime, config: TrainConfig, wrapper?: WrapperName) {
  const trainer = await Trainer.open(runtime, config, x, { threads: 1, ...(wrapper ? { wrapper } : {}) });
  try {
    const { order, bounds } = shuffledBatches(config, x.dims[0]!, [0, 1]);
    const full = bounds.findIndex(({ from, to }) => to - from < config.batchSize);
    const first = await trainer.run({ order, bounds: bounds.slice(0, full) });
    const afterFull = trainer.state;
    const rest = await trainer.run({ order, bounds: bounds.slice(full) });
    return { afterFull, state: trainer.state, losses: [...first, ...rest] };
  } finally {
    await trainer.release();
  }
}

describe.each(dense)("$name on the CPU", ({ config: configOf }) => {
  const config = configOf({ step: "dense" });

  test.each(["scan", "single"] as const)(
    "%s gives Loop's bits, and its numbers from the padded batch on",
    async (wrapper) => {
      const [loop, other] = [await trained(cpu, config, "loop"), await trained(cpu, config, wrapper)];
      expect(other.afterFull).toEqual(loop.afterFull);
      expect(apart(other.state, loop.state)).toBeLessThan(1e-6);
      expect(other.state.steps_since_fired).toEqual(loop.state.steps_since_fired);
      for (const [i, loss] of loop.losses.entries()) expect(Math.abs(other.losses[i]! / loss - 1)).toBeLessThan(1e-6);
    },
  );

  test("epochs divided into runs in any way give the same bytes", async () => {
    const runs = [1, 2, 3].map((epochsPerRun) => train(cpu, config, x, { threads: 1, wrapper: "scan", epochsPerRun }));
    const [one, ...others] = await Promise.all(runs);
    for (const other of others) expect(other).toEqual(one);
  });

  test.each(["loop", "scan", "single"] as const)(
    "an epoch of %s divided into runs gives the same bytes",
    async (wrapper) => {
      const whole = await train(cpu, config, x, { threads: 1, wrapper, epochsPerRun: 1 });
      const { runtime, steps } = counted();
      const news: number[] = [];
      // No time at all: every run is a single step.
      const options = { threads: 1, wrapper, secondsPerRun: 0, onPause: async (done: number) => void news.push(done) };
      expect(await train(runtime, config, x, options)).toEqual(whole);
      if (wrapper !== "single") expect(steps).toEqual(Array(15).fill(1));
      const shown = [0, 1, 2].flatMap((n) => ["24", "48", "72", "96"].map((hundredths) => `${n}.${hundredths}`));
      expect(news.map((done) => done.toFixed(2))).toEqual(shown);
    },
  );
});

/** The CPU, noting how many steps each run had. */
function counted(): { runtime: Runtime; steps: number[] } {
  const steps: number[] = [];
  const runtime: Runtime = {
    provider: "cpu",
    async open(model, options) {
      const session = await cpu.open(model, options);
      return {
        ...session,
        run(feeds) {
          steps.push((feeds.batches ?? feeds.scale)!.dims[0]!);
          return session.run(feeds);
        },
      };
    },
  };
  return { runtime, steps };
}

test("live rows need Loop", async () => {
  const config = cases[0]!.config({ step: "live" });
  for (const wrapper of ["scan", "single"] as const)
    await expect(Trainer.open(cpu, config, x, { wrapper })).rejects.toThrow(
      `step live carries rows that grow, which wrapper ${wrapper} cannot; use step dense`,
    );
});

/** Trained and evaluated there as on the CPU. */
async function agrees(runtime: Runtime, config: TrainConfig, tolerance: number) {
  const [here, there] = [await trained(cpu, config), await trained(runtime, config)];
  for (const [i, loss] of here.losses.entries()) expect(Math.abs(there.losses[i]! / loss - 1)).toBeLessThan(tolerance);
  expect(apart(there.state, here.state)).toBeLessThan(tolerance);
  const checkpoint: Checkpoint = {
    ...{
      config,
      tensors: there.state,
      epochsDone: 3,
      loss: [],
      dataDigest: "",
      layer: null,
      position: null,
      metrics: {},
    },
  };
  const model = freeze(checkpoint, "autoencoder");
  const data = { train: sliceRows(x, 0, 60), validation: sliceRows(x, 60, 100) };
  const [native, other] = [await evaluate(cpu, model, data), await evaluate(runtime, model, data, { batchSize: 32 })];
  for (const [key, value] of Object.entries(native.metrics))
    expect(Math.abs(other.metrics[key]! - value!), key).toBeLessThanOrEqual(1e-4 * Math.max(1e-3, Math.abs(value!)));
}

describe.each(dense)("$name trains and evaluates as on the CPU", ({ config: configOf }) => {
  const config = configOf({ step: "dense" });
  test("on WebAssembly", () => agrees(wasm, config, 1e-5));
});

describe.skipIf(!webgpuHere.there)(`on WebGPU, all nodes on the GPU${webgpuHere.why}`, () => {
  test.each(dense)("$name trains and evaluates as on the CPU", ({ config }) =>
    agrees(webgpu, config({ step: "dense" }), 1e-5),
  );
});
