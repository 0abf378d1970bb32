import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../cli/run.ts";

const small = { INSTALL: "0", DIM: "32", ROWS: "400", LATENTS: "32,64", KS: "4", EPOCHS: "1", STEPS: "2" };
const gpu = (env: Record<string, string>) =>
  spawnSync("bash", ["bench/gpu.sh"], { encoding: "utf8", env: { ...process.env, ...small, ...env } });

test("gpu.sh runs to its end on the CPU and writes a row for each SAE", () => {
  const OUT = join(temporaryFolder(), "gpu.json");
  const { status, stderr } = gpu({ PROVIDER: "cpu", OUT });
  expect(stderr).toMatch(/2 SAEs, the slowest/);
  expect(status).toBe(0);
  const { provider, saes, doctor, parity } = JSON.parse(readFileSync(OUT, "utf8"));
  expect(provider).toBe("cpu");
  expect(parity.steps).toBe(2);
  expect(parity.rows[0]).toMatchObject({ provider: "cpu", step: "dense", wrapper: "loop", distance: { loss: 0 } });
  expect(doctor.versions["onnxruntime-node"]).toBe("1.30.0");
  expect(saes.map((one: { latent_dim: number }) => one.latent_dim)).toEqual([32, 64]);
});

test("gpu.sh stops before measuring where the provider does not work", () => {
  const OUT = join(temporaryFolder(), "gpu.json");
  const { status, stderr } = gpu({ PROVIDER: "nothing", OUT });
  expect(stderr).toMatch(/error: nothing is not usable here/);
  expect(status).toBe(1);
  expect(existsSync(OUT)).toBe(false);
});

const shellcheck = spawnSync("shellcheck", ["--version"]).status === 0;
test.skipIf(!shellcheck)("gpu.sh passes shellcheck (needs Debian's shellcheck)", () => {
  expect(spawnSync("shellcheck", ["bench/gpu.sh"], { encoding: "utf8" }).stdout).toBe("");
});
