import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { readNpy, writeNpy } from "../../src/data/npy.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { shuffledBatches } from "../../src/train/runs/batches.ts";
import { initialState, type TrainState } from "../../src/train/state.ts";
import { Trainer, trainingGraph } from "../../src/train/trainer.ts";
import { loop } from "../../src/train/wrappers/loop.ts";
import { sparseRows, temporaryFolder } from "../cli/run.ts";
import { lacking, python } from "../python/python.mjs";
import { worst } from "./states.ts";

const missing = lacking("numpy", "onnxruntime");
const what = "one epoch of a training graph on Python's onnxruntime ends where it does here";

test.skipIf(missing)(`${what}${missing && ` (skipped: ${missing})`}`, async () => {
  const folder = temporaryFolder();
  const activations = sparseRows(300, 24);
  const config = trainConfig({ inputDim: 24, latentDim: 64, options: { k: 3 }, batchSize: 32, step: "dense" });
  const state = initialState(config, activations);
  const batches = shuffledBatches(config, 300, [0]);
  const trainer = await Trainer.open(cpu, config, activations, { state, threads: 1 });
  const losses = await trainer.run(batches);

  writeFileSync(join(folder, "graph.onnx"), packModel(trainingGraph(config)).bytes);
  const [feeds] = loop.feeds(batches, { activations, batchSize: 32 });
  for (const [name, value] of Object.entries({ ...feeds, ...state }))
    writeFileSync(join(folder, `${name}.npy`), writeNpy(value));
  const { status, stderr } = spawnSync(python, ["examples/other-runtimes/train_epoch.py", folder], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const given = (name: string) => readNpy(readFileSync(join(folder, `${name}.npy`)), name);
  const after = Object.fromEntries(Object.keys(state).map((name) => [name, given(`${name}_next`)]));
  expect(worst(after as TrainState, trainer.state)).toBeLessThan(1e-5);
  for (const [i, loss] of (given("loss").data as Float32Array).entries())
    expect(Math.abs(loss / losses[i]! - 1)).toBeLessThan(1e-5);
  await trainer.release();
});
