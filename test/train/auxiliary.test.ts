import { describe, expect, test } from "vitest";
import { type TrainRequest, timedFor, trainConfig } from "../../src/config/config.ts";
import { configFromJson, configToJson } from "../../src/config/json.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { trainable } from "../../src/sae/index.ts";
import { initialState, type TrainState } from "../../src/train/state.ts";
import { train } from "../../src/train/train.ts";
import { tensor, zeros } from "../../src/util/tensor.ts";
import { cases } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";
import { gradientsOf } from "./torch.ts";

const x = dictionaryRows(96, 16);
const withAux = cases.filter(({ name }) => name.endsWith(" auxK"));

test("every architecture that can revive latents has a case with auxK", () => {
  expect(withAux.map(({ architecture }) => architecture)).toEqual(
    trainable.filter(({ revival }) => revival).map(({ name }) => name),
  );
  expect(withAux.length).toBeGreaterThanOrEqual(4);
});

describe.each(withAux)("$name", ({ config: configOf }) => {
  const [config, without] = [configOf(), configOf({ auxK: 0 })];
  const first = initialState(config, x);
  const dead = (steps: number): TrainState => ({
    ...first,
    steps_since_fired: tensor("float32", [32], new Float32Array(32).fill(steps)),
  });
  const loss = async (one: typeof config, rows = x, state = dead(2)) => (await gradientsOf(one, rows, state)).loss;

  test("is the plain loss where nothing is dead, to the bit", async () => {
    const [a, b] = [await gradientsOf(config, x, dead(1)), await gradientsOf(without, x, dead(1))];
    expect(a.loss).toBe(b.loss);
    for (const [name, { data }] of Object.entries(b.gradient)) expect(a.gradient[name]!.data, name).toEqual(data);
    expect(await loss(config)).toBeGreaterThan(await loss(without));
  });

  test("does not depend on the batch's size", async () => {
    const twice = tensor("float32", [192, 16], Float32Array.of(...x.data, ...x.data));
    expect((await loss(config, twice)) / (await loss(config))).toBeCloseTo(1, 5);
  });

  test("weighs the same against the reconstruction for data of any scale", async () => {
    // Every term of a pre-activation is ten times as large, and the penalty of relu-l1 grows less than errors do.
    const scaled = (name: string) =>
      tensor(
        "float32",
        first[name]!.dims,
        first[name]!.data.map((v) => 10 * v),
      );
    const state = Object.fromEntries(
      Object.entries(dead(2)).map(([name, one]) => [name, name.startsWith("b_") ? scaled(name) : one]),
    );
    const rows = tensor(
      "float32",
      x.dims,
      x.data.map((v) => 10 * v),
    );
    const added = async (rows_: typeof x, state_: typeof first) =>
      (await loss(config, rows_, state_)) - (await loss(without, rows_, state_));
    expect((await added(rows, state)) / (await added(x, dead(2)))).toBeCloseTo(100, 2);
  });

  test("old and new files say it in the same words", () => {
    const json = configToJson(config);
    expect(json).toMatchObject({ aux_k: 6, aux_coefficient: 0.5, dead_steps: 2 });
    expect(configFromJson(json, "a")).toEqual(config);
    // Off, only files of topk-relu name it, as they always did.
    expect(Object.hasOwn(configToJson(configOf({ auxK: 0, deadSteps: 100 })), "aux_k")).toBe(
      config.architecture === "topk-relu",
    );
  });
});

test("AuxK leaves fewer latents dead", async () => {
  const request = { inputDim: 16, latentDim: 128, options: { k: 4 }, batchSize: 64, epochs: 30, step: "dense" };
  const rows = dictionaryRows(1024, 16);
  const deadOf = async (more: Partial<TrainRequest>) => {
    const { state } = await train(cpu, trainConfig({ ...request, ...more }), rows, { threads: 1, epochsPerRun: 30 });
    return state.steps_since_fired!.data.filter((steps) => steps >= 16).length;
  };
  const [plain, revived] = [await deadOf({}), await deadOf({ auxK: 32, auxCoefficient: 1, deadSteps: 20 })];
  expect(plain).toBeGreaterThan(50);
  expect(revived).toBeLessThan(0.8 * plain);
});

describe("refused before the first step", () => {
  const request = { inputDim: 16, latentDim: 32, options: { k: 4 }, auxK: 8 };
  test("where no latent can die: every row keeps all", () => {
    expect(() => trainConfig({ ...request, options: { k: 32 } })).toThrow(
      "auxK: with k = latentDim = 32 every row keeps every latent, so that none can die; leave auxK out, or lower k",
    );
    // Kept and zero: with ReLU it can.
    expect(trainConfig({ ...request, architecture: "topk-relu", options: { k: 32 } }).auxK).toBe(8);
  });

  test("where the training is too short for one to die", async () => {
    const short = trainConfig({ ...request, batchSize: 32, epochs: 30, deadSteps: 90 });
    const message =
      "auxK: a latent is dead after deadSteps = 90 steps, and the whole training has 90, so that none can die; lower deadSteps, or leave auxK out";
    expect(() => timedFor(short, 96)).toThrow(message);
    await expect(train(cpu, short, zeros("float32", [96, 16]))).rejects.toThrow(message);
    expect(timedFor({ ...short, deadSteps: 89 }, 96).deadSteps).toBe(89);
  });

  test("where it has no way to revive them", () => {
    const pretrained = { architecture: "pretrained-relu", options: {}, inputDim: 4, latentDim: 8, auxK: 2 };
    expect(() => trainConfig(pretrained)).toThrow(/pretrained-relu has no way to revive dead latents; leave auxK out/);
  });

  test("numbers out of range", () => {
    expect(() => trainConfig({ ...request, auxK: 33 })).toThrow("auxK must be an integer from 0 to latentDim = 32");
    expect(() => trainConfig({ ...request, auxCoefficient: Number.NaN })).toThrow(
      "auxCoefficient must be a number of at",
    );
    expect(() => trainConfig({ ...request, deadSteps: 0 })).toThrow(
      "deadSteps must be an integer of at least 1, got 0",
    );
  });
});
