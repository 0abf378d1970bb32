import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { npy, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const data = join(folder, "acts.npy");
const main = resolve("dist/cli/main.js");
const model = resolve("graphs/topk_report_d2048_k5.onnx");
const trained = join(folder, "trained");
const metrics = join(trained, "sae.metrics.json");
const longer = (epochs: string, ...more: string[]) => [
  ...["train", "--data", data, "--latent-dim", "64", "--k", "2", "--epochs", epochs],
  ...more,
];
const train = (...more: string[]) => longer("3", ...more);

/** The built command line in another folder and environment; what is `undefined` there is not set. */
function run(args: readonly string[], { cwd = folder, env = {} as Record<string, string | undefined> } = {}) {
  const all = { ...process.env, ...env };
  for (const [name, value] of Object.entries(all)) if (value === undefined) delete all[name];
  const { status, stdout, stderr } = spawnSync("node", [main, ...args], { cwd, env: all, encoding: "utf8" });
  return { status, stdout, stderr };
}

beforeAll(() => {
  writeFileSync(data, npy(sparseRows(400, 24)));
  const { status, stderr } = run(train("--out", trained));
  expect(status, stderr).toBe(0);
});

/** Whatever the user: nobody makes files there. */
const unwritable = "/sys";
const autoencoder = join(trained, "sae_d64_k2.autoencoder.onnx");
const fresh = () => mkdtempSync(join(folder, "out-"));

/** Commands that write, into a folder of their own, and one that asks every provider. */
const commands: Readonly<Record<string, () => string[]>> = {
  train: () => train("--out", fresh()),
  eval: () => ["eval", autoencoder, "--data", data, "--out", join(fresh(), "eval.json")],
  report: () => ["report", metrics, "--out", fresh()],
  doctor: () => ["doctor"],
};

describe.skipIf(process.platform !== "linux")("without", () => {
  const without: [string, { cwd?: string; env?: Record<string, string | undefined> }][] = [
    ["a home", { env: { HOME: undefined, XDG_CACHE_HOME: undefined } }],
    ["a name for the home", { env: { HOME: "", XDG_CACHE_HOME: "" } }],
    ["a writable TMPDIR", { env: { TMPDIR: unwritable } }],
    ["a TMPDIR that is there", { env: { TMPDIR: "/no/such/folder" } }],
    ["a writable working folder", { cwd: unwritable }],
  ];
  test.each(without)("%s everything runs that says where to write", (_, { cwd = mkdtempSync(folder), env = {} }) => {
    for (const [verb, args] of Object.entries(commands)) {
      const { status, stderr } = run(args(), { cwd, env });
      expect(status, `${verb}: ${stderr}`).toBe(0);
    }
    if (cwd !== unwritable) expect(readdirSync(cwd)).toEqual([]);
  });

  test.each([
    ["train", train()],
    ["report", ["report", metrics]],
    ["synth", ["synth", "--out", "a.safetensors"]],
  ])("a writable working folder, %s says so in one line where it is to write there", (_, args) => {
    const { status, stderr } = run([...args, "--quiet"], { cwd: unwritable });
    expect(stderr).toMatch(
      /^error: \S+: cannot write, .*; (use another path|change the permissions or use another path)\n$/,
    );
    expect(status).toBe(1);
  });
});

/** A module that sets the clock back by a day, a second after it was loaded; in child processes too. */
const clock = join(folder, "clock.mjs");
writeFileSync(
  clock,
  `const Real = Date, start = performance.now();
  const now = () => Real.now() - (performance.now() - start > 1000 ? 86_400_000 : 0);
  globalThis.Date = class extends Real {
    constructor(...given) { super(...(given.length > 0 ? given : [now()])); }
    static now() { return now(); }
  };`,
);

test("a clock that is set back while it trains changes no duration, and what was written before is read and replaced", () => {
  const out = fresh();
  const env = { NODE_OPTIONS: `--import ${clock}` };
  const run1 = run(longer("2000", "--out", out, "--json"), { env });
  expect(run1.status, run1.stderr).toBe(0);
  const [row] = JSON.parse(run1.stdout).rows;
  expect(row.train_time_sec).toBeGreaterThan(0);
  expect(row.train_time_sec).toBeLessThan(600);
  expect(run1.stderr).not.toMatch(/-\d+(\.\d+)? s/);
  const again = run(longer("2000", "--out", out, "--force"), { env });
  expect(again.status, again.stderr).toBe(0);
  expect(readdirSync(out).filter((name) => /lock|part/.test(name))).toEqual([]);
});

/** A reader that leaves after the first line, and one that never reads; what the command says at its end, by bash. */
const readers = ["head -1 >/dev/null", "true"];
const hasBash = spawnSync("bash", ["-c", "true"]).status === 0;

describe.skipIf(!hasBash)("a reader that leaves", () => {
  const printing: [string, () => string[]][] = [
    ["inspect", () => ["inspect", model]],
    ["inspect --json", () => ["inspect", model, "--json"]],
    ["--help", () => ["--help"]],
    ["train --help", () => ["train", "--help"]],
    ["report --json", () => ["report", metrics, "--out", fresh(), "--json"]],
    ["eval --json", () => ["eval", autoencoder, "--data", data, "--json"]],
    ["train --json", () => train("--out", fresh(), "--json")],
  ];
  /** Of both, the exit code and what was said on stderr. */
  const piped = (args: readonly string[], reader: string, join = "") => {
    const quoted = args.map((word) => `'${word}'`).join(" ");
    return spawnSync("bash", ["-c", `node '${main}' ${quoted} ${join} | ${reader}; exit \${PIPESTATUS[0]}`], {
      cwd: folder,
      encoding: "utf8",
    });
  };

  test.each(printing)("%s ends quietly", (_, args) => {
    for (const reader of readers) {
      const { status, stderr } = piped(args(), reader);
      expect(status, stderr).toBe(0);
      expect(stderr).not.toMatch(/error|EPIPE/i);
    }
  });

  test("train goes on to its end, also where its messages are no longer read", () => {
    const out = fresh();
    const { status } = piped(longer("300", "--out", out), "true", "2>&1");
    expect(status).toBe(0);
    expect(readdirSync(out)).toEqual(readdirSync(trained));
  });
});
