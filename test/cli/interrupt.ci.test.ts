import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { hasPty, startInTerminal } from "./pty.ts";
import { npy, saeOnnx, snapshot, sparseRows, startSaeOnnx, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
/** Enough that the second SAE is still in training when the first has been measured. */
const epochs = "300";
const data = join(folder, "acts.npy");
const train = (out: string) => [
  "train",
  "--data",
  data,
  "--latent-dim",
  "256",
  "--k",
  "4,8",
  "--epochs",
  epochs,
  "--jobs",
  "1",
  "--out",
  out,
];
const uninterrupted = join(folder, "whole");

beforeAll(() => {
  writeFileSync(data, npy(sparseRows(2000, 64)));
  expect(saeOnnx(...train(uninterrupted)).status).toBe(0);
});

/** Starts a training and sends a signal once its first SAE is finished, that is while the second is trained. */
function interrupted(
  out: string,
  signal: NodeJS.Signals,
  { times = 1, group = false } = {},
): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn("node", ["dist/cli/main.js", ...train(out)], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: group,
    });
    child.stdout.on("data", () => {});
    let stderr = "";
    let sent = false;
    child.stderr.on("data", (text) => {
      stderr += text;
      if (!sent && stderr.includes("1/2")) {
        sent = true;
        const send = () => (group ? process.kill(-child.pid!, signal) : child.kill(signal));
        for (let i = 0; i < times; i++) setTimeout(send, 150 + 20 * i);
      }
    });
    child.on("exit", (code) => resolve({ code, stderr }));
  });
}

/** Files but for the metrics file, which holds times. */
const models = (out: string) =>
  Object.fromEntries(Object.entries(snapshot(out)).filter(([name]) => !name.endsWith("metrics.json")));

test("Ctrl-C saves the SAE in training; the same command goes on and ends at the same bytes", async () => {
  const out = join(folder, "stopped");
  const { code, stderr } = await interrupted(out, "SIGINT");
  expect(stderr).toContain("stopping after this epoch");
  expect(code).toBe(130);
  const path = join(out, "sae_d256_k4.safetensors");
  const { epochsDone, tensors } = readCheckpoint(readFileSync(path), path);
  expect(epochsDone).toBeGreaterThan(0);
  expect(epochsDone).toBeLessThan(Number(epochs));
  expect(Object.keys(tensors)).toContain("m.W_enc");
  expect(existsSync(join(out, "sae_d256_k4.encoder.onnx"))).toBe(false);

  expect(saeOnnx("export", path).stderr).toMatch(/training is at epoch \d+ of \d+/);
  const { status, stderr: resumed } = saeOnnx(...train(out));
  expect(status).toBe(0);
  expect(resumed).toContain("sae_d256_k8: already there");
  const [one, other] = [models(out), models(uninterrupted)];
  expect(Object.keys(one)).toEqual(Object.keys(other));
  for (const name of Object.keys(one)) expect(one[name] === other[name], name).toBe(true);
});

/** The epochs that the second SAE of a stopped training is at. */
const epochsIn = (out: string): number => {
  const path = join(out, "sae_d256_k4.safetensors");
  return readCheckpoint(readFileSync(path), path).epochsDone;
};

test.each(["SIGTERM", "SIGHUP"] as const)(
  "%s stops as Ctrl-C does, also one that comes twice at once",
  async (signal) => {
    const out = join(folder, signal);
    const { code, stderr } = await interrupted(out, signal, { times: 2 });
    expect(stderr.split("stopping after this epoch")).toHaveLength(2);
    expect(code).toBe(130);
    expect(epochsIn(out)).toBeGreaterThan(0);
  },
);

test("a signal to all processes of a training, as batch systems send it, saves the SAE in training", async () => {
  const out = join(folder, "all");
  const { code } = await interrupted(out, "SIGTERM", { group: true });
  expect(code).toBe(130);
  expect(epochsIn(out)).toBeGreaterThan(0);
});

test("a second Ctrl-C, later, ends at once and leaves no lock", async () => {
  const out = join(folder, "twice");
  const args = train(out).map((one) => (one === epochs ? "1000000" : one));
  const child = startSaeOnnx(...args, "--epochs-per-run", "1000000");
  await expect.poll(() => existsSync(join(out, "sae_d256_k8.safetensors.lock")), { timeout: 20_000 }).toBe(true);
  const ended = new Promise((resolve) => child.on("exit", resolve));
  child.kill("SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 1200));
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(Object.keys(snapshot(out))).toEqual(["sae.metrics.json"]);
});

test.skipIf(!hasPty)(
  "a terminal that is closed saves the SAE in training",
  async () => {
    const out = join(folder, "closed");
    const terminal = startInTerminal(train(out).map((one) => (one === epochs ? "3000" : one)));
    terminal.stdout!.on("data", () => {});
    await expect.poll(() => existsSync(join(out, "sae_d256_k4.safetensors.lock")), { timeout: 50_000 }).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    terminal.kill("SIGKILL");
    const path = join(out, "sae_d256_k4.safetensors");
    await expect.poll(() => existsSync(path) && !existsSync(`${path}.lock`), { timeout: 20_000 }).toBe(true);
    expect(epochsIn(out)).toBeGreaterThan(0);
    expect(epochsIn(out)).toBeLessThan(3000);
  },
  120_000,
);

test("Ctrl-C with two trained side by side saves both", async () => {
  const out = join(folder, "both");
  const child = startSaeOnnx(...train(out).map((one) => (one === "1" ? "2" : one)));
  const code = await new Promise((resolve) => {
    // Its first word: by then it listens.
    child.stderr.once("data", () => setTimeout(() => child.kill("SIGINT"), 1000));
    child.stderr.on("data", () => {});
    child.on("exit", resolve);
  });
  expect([0, 130]).toContain(code);
  expect(saeOnnx(...train(out)).status).toBe(0);
  const [one, other] = [models(out), models(uninterrupted)];
  expect(Object.keys(one)).toEqual(Object.keys(other));
  for (const name of Object.keys(other)) expect(one[name] === other[name], name).toBe(true);
});

test("killed in the middle, nothing finished is lost and nothing is half written", async () => {
  const out = join(folder, "killed");
  await interrupted(out, "SIGKILL");
  const files = Object.keys(snapshot(out)).filter(
    (name) => !name.startsWith("sae_d256_k8") && name !== "sae.metrics.json",
  );
  // Of the one in training there is only the lock, which the next run breaks.
  expect(files).toEqual(["sae_d256_k4.safetensors.lock"]);
  expect(JSON.parse(readFileSync(join(out, "sae.metrics.json"), "utf8")).rows).toHaveLength(1);
  expect(saeOnnx(...train(out)).status).toBe(0);
  const [one, other] = [models(out), models(uninterrupted)];
  for (const name of Object.keys(other)) expect(one[name] === other[name], name).toBe(true);
});

test.each([20, 100, 200])(
  "a training process killed %d ms after it started ends the command within 2 s",
  async (delay) => {
    const child = startSaeOnnx(...train(join(folder, `started-${delay}`)).map((one) => (one === "1" ? "2" : one)));
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
    });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    const second = await secondProcess(child.pid!);
    await new Promise((resolve) => setTimeout(resolve, delay));
    process.kill(second, "SIGKILL");
    const started = performance.now();
    expect(await ended).toBe(1);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(said).toMatch(/error: the training process (is gone|ended early)/);
  },
);

/** The process that a command starts second of those that train; found in Linux's process table. */
async function secondProcess(parent: number): Promise<number> {
  const children = () =>
    readdirSync("/proc").filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        const [status, command] = ["status", "cmdline"].map((file) => readFileSync(`/proc/${pid}/${file}`, "utf8"));
        return status!.includes(`PPid:\t${parent}\n`) && command!.includes("child.node.js");
      } catch {
        return false;
      }
    });
  for (;;) {
    const found = children().sort((a, b) => Number(a) - Number(b));
    if (found.length >= 2) return Number(found[1]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
