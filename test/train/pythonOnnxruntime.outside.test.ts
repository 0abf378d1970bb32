import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { readNpyArray, writeNpy } from "../../src/data/npy.ts";
import { toFloat32, toTensor } from "../../src/data/stored.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { stateShapes, type TrainState } from "../../src/train/state.ts";
import { Trainer, trainingGraph } from "../../src/train/trainer.ts";
import { sparseRows, temporaryFolder } from "../cli/run.ts";
import { lacking, python } from "../python/python.mjs";
import { worst } from "./states.ts";

const missing = lacking("numpy", "onnxruntime");
const what = "examples/python trains five epochs, and ends where training here does";

test.skipIf(missing)(`${what}${missing && ` (skipped: ${missing})`}`, async () => {
  const folder = temporaryFolder();
  const [rows, epochs] = [300, 5];
  const activations = sparseRows(rows, 24);
  const config = trainConfig({ inputDim: 24, latentDim: 64, options: { k: 3 }, batchSize: 32, step: "dense" });
  writeFileSync(join(folder, "graph.onnx"), packModel(trainingGraph(config)).bytes);
  writeFileSync(join(folder, "rows.npy"), writeNpy(activations));
  const args = [join(folder, "graph.onnx"), join(folder, "rows.npy"), String(epochs), folder];
  const { status, stderr } = spawnSync(python, ["test/python/train_example.py", ...args], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);

  const given = (name: string) => readNpyArray(readFileSync(join(folder, `${name}.npy`)), name);
  const stateOf = (prefix: string): TrainState =>
    Object.fromEntries(Object.keys(stateShapes(config)).map((name) => [name, toFloat32(given(`${prefix}${name}`))]));
  const trainer = await Trainer.open(cpu, config, activations, { state: stateOf("first."), threads: 1 });
  const order = toTensor(given("order")).data as BigInt64Array;
  const bounds = Array.from({ length: epochs }, (_, epoch) =>
    Array.from({ length: 10 }, (_, i) => ({
      from: epoch * rows + 32 * i,
      to: epoch * rows + Math.min(32 * (i + 1), rows),
    })),
  ).flat();
  const losses = await trainer.run({ order, bounds });
  expect(worst(stateOf(""), trainer.state)).toBeLessThan(1e-5);
  for (const [i, loss] of toFloat32(given("loss")).data.entries())
    expect(Math.abs(loss / losses[i]! - 1)).toBeLessThan(1e-5);
  await trainer.release();
});

test.skipIf(missing)(`examples/python runs as its README says${missing && ` (skipped: ${missing})`}`, () => {
  const folder = temporaryFolder();
  const config = trainConfig({ inputDim: 24, latentDim: 64, options: { k: 3 }, batchSize: 32, step: "dense" });
  writeFileSync(join(folder, "graph.onnx"), packModel(trainingGraph(config)).bytes);
  writeFileSync(join(folder, "rows.npy"), writeNpy(sparseRows(300, 24)));
  const args = ["graph.onnx", "rows.npy", "sae.npz"].map((name) => join(folder, name));
  const { stdout, stderr } = spawnSync(python, ["examples/python/train.py", ...args], { encoding: "utf8" });
  expect(stderr).toBe("");
  const losses = [...stdout.matchAll(/^loss (\S+)$/gm)].map(([, loss]) => Number(loss));
  expect(losses).toHaveLength(5);
  expect(losses).toEqual(losses.toSorted((a, b) => b - a));
  expect(readFileSync(join(folder, "sae.npz")).length).toBeGreaterThan(4 * 3 * 2 * 24 * 64);
});
