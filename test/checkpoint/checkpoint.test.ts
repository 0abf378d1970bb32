import { describe, expect, test } from "vitest";
import { isFinished, readCheckpoint, tensorsOf, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { readSafetensors } from "../../src/data/safetensors.ts";
import { stateShapes } from "../../src/train/state.ts";
import { cases } from "../sae/cases.ts";
import { sample } from "./sample.ts";

describe.each(cases)("$name", (one) => {
  test("in training: what is read is what was written, state and all", async () => {
    const checkpoint = await sample(one, 2);
    expect(isFinished(checkpoint)).toBe(false);
    const read = readCheckpoint(writeCheckpoint(checkpoint), "a.safetensors");
    expect(read).toEqual(checkpoint);
    expect(Object.keys(read.tensors)).toEqual(Object.keys(stateShapes(checkpoint.config)));
  });

  test("finished: the parameters and what the architecture carries, alone", async () => {
    const checkpoint = await sample(one, 3);
    expect(isFinished(checkpoint)).toBe(true);
    const read = readCheckpoint(writeCheckpoint(checkpoint), "a.safetensors");
    const kept = Object.keys(tensorsOf(checkpoint.config));
    expect(read).toEqual({
      ...checkpoint,
      tensors: Object.fromEntries(kept.map((name) => [name, checkpoint.tensors[name]])),
    });
    expect(Object.keys(read.tensors)).toEqual(kept);
  });

  test("written again, the same bytes", async () => {
    for (const epochs of [1, 3]) {
      const bytes = writeCheckpoint(await sample(one, epochs));
      expect(writeCheckpoint(await sample(one, epochs))).toEqual(bytes);
      expect(writeCheckpoint(readCheckpoint(bytes, "a.safetensors"))).toEqual(bytes);
    }
  });
});

test("numbers survive: learning rate, losses and metrics to the last bit", async () => {
  const checkpoint = {
    ...(await sample(cases[0]!, 3, { learningRate: 0.1 / 3, seed: 2 ** 40 })),
    metrics: { a: 0.1 + 0.2, b: 5e-324, c: null },
  };
  const { config, loss, metrics } = readCheckpoint(writeCheckpoint(checkpoint), "a.safetensors");
  expect({ config, loss, metrics }).toEqual({
    config: checkpoint.config,
    loss: checkpoint.loss,
    metrics: checkpoint.metrics,
  });
});

test("threads are recorded; one thread is not written down", async () => {
  const checkpoint = await sample(cases[0]!);
  const bytes = writeCheckpoint(checkpoint);
  expect(writeCheckpoint({ ...checkpoint, threads: 1 })).toEqual(bytes);
  expect(readCheckpoint(bytes, "a.safetensors")).not.toHaveProperty("threads");
  for (const threads of [4, null])
    expect(readCheckpoint(writeCheckpoint({ ...checkpoint, threads }), "a.safetensors").threads).toBe(threads);
});

test("says nothing of when, where or by whom", async () => {
  const { metadata } = readSafetensors(writeCheckpoint(await sample(cases[0]!)), "a.safetensors");
  expect(Object.keys(metadata)).toEqual([
    ...["config", "data_digest", "epochs_done", "format", "layer", "loss", "metrics", "position", "version"],
  ]);
  expect(JSON.stringify(metadata)).not.toMatch(/[\\/](home|root|tmp|Users|work)[\\/]|\d{4}-\d\d-\d\d/);
});
