import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { trainConfig } from "../../src/config/config.ts";
import { readSafetensors } from "../../src/data/safetensors.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { train as trainHere } from "../../src/train/train.ts";
import { sameTensor, sliceRows } from "../../src/util/tensor.ts";
import { npy, snapshot, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const data = join(folder, "acts.npy");
const x = sparseRows(700, 128);
writeFileSync(data, npy(x));

/** The command on a machine that is said to have so many cores. Sizes are such that a second thread changes the last digits. */
function train(cores: number, out: string, ...more: string[]) {
  const sizes = [
    "--latent-dim",
    "256",
    "--out",
    join(folder, out),
    ...(more.includes("--epochs") ? [] : ["--epochs", "3"]),
  ];
  const args = ["--import", "./test/cli/machine.mjs", "dist/cli/main.js", "train", "--data", data, ...sizes, ...more];
  const { status, stderr } = spawnSync("node", args, { encoding: "utf8", env: { ...process.env, CORES: `${cores}` } });
  expect(status, stderr).toBe(0);
  return stderr;
}

const metrics = (out: string) => JSON.parse(readFileSync(join(folder, out, "sae.metrics.json"), "utf8"));
/** What each record says of its threads, by k. */
const threads = (out: string): Record<string, number | undefined> =>
  Object.fromEntries(metrics(out).rows.map((row: { k: number; threads?: number }) => [row.k, row.threads]));
/** What a checkpoint says of them. */
const inCheckpoint = (out: string, k: number) => {
  const file = join(folder, out, `sae_d256_k${k}.safetensors`);
  return readSafetensors(readFileSync(file), file).metadata.threads;
};
/** Files but for the metrics file, which holds times. */
const models = (out: string) =>
  Object.fromEntries(Object.entries(snapshot(join(folder, out))).filter(([name]) => !name.endsWith("metrics.json")));
function expectSameBytes(one: string, other: string) {
  const [a, b] = [models(one), models(other)];
  expect(Object.keys(a)).toEqual(Object.keys(b));
  for (const name of Object.keys(a)) expect(a[name] === b[name], name).toBe(true);
}

describe.sequential("the cores are used", () => {
  test("one SAE has them all, and is recorded with as many threads", () => {
    expect(train(4, "one", "--k", "4")).toContain("1 SAE to train: 4 threads, on 4 cores\n");
    expect(threads("one")).toEqual({ 4: 4 });
    expect(inCheckpoint("one", 4)).toBe("4");
    expect(metrics("one").config.threads).toBe(4);
  });

  test("a session has as many threads as are recorded", async () => {
    const config = trainConfig({ inputDim: 128, latentDim: 256, options: { k: 4 }, epochs: 3 });
    const here = await trainHere(cpu, config, { activations: sliceRows(x, 0, 560) }, { threads: 4 });
    const file = join(folder, "one/sae_d256_k4.safetensors");
    const { tensors } = readCheckpoint(readFileSync(file), file);
    for (const name of ["W_enc", "b_enc", "W_dec"])
      expect(sameTensor(tensors[name]!, here.state[name]!), name).toBe(true);
  });

  test("several share them; with as many SAEs as cores each has one thread", () => {
    expect(train(4, "shared", "--k", "4,8")).toContain("2 SAEs to train: 2 at a time, 2 threads each, on 4 cores\n");
    expect(threads("shared")).toEqual({ 4: 2, 8: 2 });
    expect(train(2, "side", "--k", "4,8")).toContain("2 SAEs to train: 2 at a time, 1 thread each, on 2 cores\n");
    expect(threads("side")).toEqual({ 4: 1, 8: 1 });
    expect(inCheckpoint("side", 4)).toBeUndefined();
  });

  test("--threads 1 writes the same bytes on every machine, one at a time or side by side; --quiet says nothing of it", () => {
    expect(train(4, "four", "--k", "4,8", "--threads", "1", "--quiet")).not.toContain("to train");
    train(2, "two", "--k", "4,8", "--threads", "1", "--jobs", "1");
    expectSameBytes("four", "two");
    expectSameBytes("four", "side");
  });

  test("a finished SAE is the same SAE, whatever its threads; one that is added has all cores", () => {
    expect(train(4, "shared", "--k", "4,8", "--threads", "1")).not.toContain("to train");
    expect(threads("shared")).toEqual({ 4: 2, 8: 2 });
    expect(train(4, "shared", "--k", "4,8,2")).toContain("1 SAE to train: 4 threads, on 4 cores\n");
    expect(threads("shared")).toEqual({ 4: 2, 8: 2, 2: 4 });
    rmSync(join(folder, "shared/sae.metrics.json"));
    train(4, "shared", "--k", "4,8,2");
    expect(threads("shared")).toEqual({ 4: 2, 8: 2, 2: 4 });
  });
});

describe.sequential("what goes on does so with as many threads as it began with", () => {
  test("what is left of a grid, to the bytes it has without the interruption", () => {
    train(2, "whole", "--k", "4,8");
    train(2, "left", "--k", "4,8");
    for (const name of Object.keys(models("left")).filter((name) => name.startsWith("sae_d256_k8")))
      rmSync(join(folder, "left", name));
    expect(train(2, "left", "--k", "4,8")).toContain(
      "1 SAE to train: 1 thread, on 2 cores; as it began, --threads 2 uses the cores\n",
    );
    expectSameBytes("left", "whole");
    expect(metrics("left").config).toEqual(metrics("whole").config);
  });

  test("a training of more epochs; with other threads by hand it says so, and records none", () => {
    const dense = ["--k", "4", "--step", "dense"];
    train(4, "once", ...dense, "--epochs", "5", "--threads", "1");
    train(4, "on", ...dense, "--threads", "1");
    expect(train(4, "on", ...dense, "--epochs", "5")).toContain("1 thread, on 4 cores; as it began");
    expectSameBytes("on", "once");
    expect(threads("on")).toEqual({ 4: 1 });
    expect(train(4, "on", ...dense, "--epochs", "6", "--threads", "2")).toContain(
      "sae_d256_k4: was trained with --threads 1 until epoch 5, goes on with 2; the last digits are those of neither\n",
    );
    expect(threads("on")).toEqual({ 4: undefined });
    expect(inCheckpoint("on", 4)).toBe("null");
  });
});
