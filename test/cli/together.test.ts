import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { npy, snapshot, sparseRows, startSaeOnnx, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const data = join(folder, "acts.npy");
writeFileSync(data, npy(sparseRows(400, 24)));

/** A training that runs; when it is over, its exit code and what it said. */
function train(out: string, k: string, ...more: string[]) {
  const child = startSaeOnnx(
    ...["train", "--data", data, "--latent-dim", "64", "--k", k, "--jobs", "1", "--out", out],
    ...more,
  );
  const said = { stderr: "" };
  child.stdout.on("data", () => {});
  child.stderr.on("data", (text) => {
    said.stderr += text;
  });
  const ended = once(child, "close").then(([code]) => ({ code, stderr: said.stderr }));
  return { child, said, ended };
}
const rowsIn = (out: string): string[] =>
  JSON.parse(readFileSync(join(out, "sae.metrics.json"), "utf8")).rows.map(({ name }: { name: string }) => name);
const locks = (out: string) => readdirSync(out).filter((name) => name.includes(".lock"));
const poll = { timeout: 30_000, interval: 10 };

describe("two trainings at once into one metrics file", () => {
  test("of different grids: every row is there", async () => {
    const out = join(folder, "different");
    const runs = await Promise.all(["2,3,4", "5,6,7"].map((k) => train(out, k, "--epochs", "3").ended));
    for (const { code, stderr } of runs) expect(code, stderr).toBe(0);
    expect(rowsIn(out).sort()).toEqual([2, 3, 4, 5, 6, 7].map((k) => `sae_d64_k${k}`));
    expect(locks(out)).toEqual([]);
  });

  test("of the same grid: both end well, every SAE is trained once and the files are those of one", async () => {
    const [out, alone] = [join(folder, "same"), join(folder, "alone")];
    const runs = await Promise.all([1, 2].map(() => train(out, "2,3", "--epochs", "3").ended));
    for (const { code, stderr } of runs) expect(code, stderr).toBe(0);
    const said = runs.map(({ stderr }) => stderr).join("");
    for (const name of ["sae_d64_k2", "sae_d64_k3"]) {
      expect(said.split(`${name}: trained in`)).toHaveLength(2);
      expect(said.split(`${name}: already there`)).toHaveLength(2);
    }
    expect((await train(alone, "2,3", "--epochs", "3").ended).code).toBe(0);
    const models = (at: string) =>
      Object.fromEntries(Object.entries(snapshot(at)).filter(([name]) => !name.endsWith("metrics.json")));
    expect(models(out)).toEqual(models(alone));
    expect(rowsIn(out)).toEqual(rowsIn(alone));
  });

  test("of one name and other options: the second is told who trains it, waits, and replaces nothing", async () => {
    const out = join(folder, "other");
    const first = train(out, "2", "--epochs", "100000");
    const lock = join(out, "sae_d64_k2.safetensors.lock");
    await expect.poll(() => existsSync(lock), poll).toBe(true);
    const second = train(out, "2", "--epochs", "100000", "--learning-rate", "1e-2");
    await expect.poll(() => second.said.stderr, poll).toContain("waiting");
    first.child.kill("SIGINT");
    const { code, stderr } = await second.ended;
    expect(stderr).toMatch(
      new RegExp(
        `sae_d64_k2.safetensors: waiting, process ${first.child.pid} on \\S+ has it since \\S+ \\(\\d+ s\\)\n`,
      ),
    );
    expect(stderr).toMatch(/sae_d64_k2.safetensors: was trained with learning_rate = \S+, now asked for 0.01;/);
    expect(code).toBe(1);
    expect((await first.ended).code).toBe(130);
    expect(locks(out)).toEqual([]);
  });

  test("the first killed: the second goes on at once; Ctrl-C while waiting ends with 130", async () => {
    const out = join(folder, "killed");
    const first = train(out, "2", "--epochs", "100000");
    await expect.poll(() => existsSync(join(out, "sae_d64_k2.safetensors.lock")), poll).toBe(true);
    const [second, third] = [train(out, "2", "--epochs", "3", "--force"), train(out, "2", "--epochs", "3")];
    for (const { said } of [second, third]) await expect.poll(() => said.stderr, poll).toContain("waiting, process");
    third.child.kill("SIGINT");
    expect((await third.ended).code).toBe(130);
    first.child.kill("SIGKILL");
    const { code, stderr } = await second.ended;
    expect(code, stderr).toBe(0);
    expect(locks(out)).toEqual([]);
  });
});
