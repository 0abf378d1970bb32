import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { readSweepConfig } from "../../src/cli/sweepConfig.ts";
import { parseShard, planAsked } from "../../src/cli/sweepRun.ts";
import { parseMetrics } from "../../src/record/metricsFile.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { saeOnnx, startSaeOnnx, temporaryFolder } from "./run.ts";
import { digests, writePlacedRows, writeSmallSweep } from "./sweeps.ts";

const folder = temporaryFolder();
const config = writeSmallSweep(folder);
const out = join(folder, "out");
const base = readFileSync(config, "utf8");

/** The same sweep with something changed, in a file of its own. */
function changed(name: string, from: string | RegExp, to: string): string {
  const path = join(folder, name);
  writeFileSync(path, base.replace(from, to));
  return path;
}

beforeAll(() => {
  const { status, stderr } = saeOnnx("sweep", config, "--out", out);
  expect(status, stderr).toBe(0);
});

afterAll(() => {
  if (isMounted) spawnSync("umount", [readOnly]);
  rmSync(folder, { recursive: true, force: true });
});

test("every group has its SAEs, with layer and position, and no problem is on both sides of its split", () => {
  for (const layer of [0, 1]) {
    const path = join(out, `layer${layer}_position0`, `sae_layer${layer}_position0.metrics.json`);
    const { rows, data } = parseMetrics(readFileSync(path, "utf8"), path);
    expect(rows.map((row) => [row.layer, row.position, row.k])).toEqual([2, 4].map((k) => [layer, 0, k]));
    expect(data.train_rows + data.validation_rows).toBe(200);
    expect(data.train_rows % 5).toBe(0);
    expect(Math.abs(data.train_rows - 160)).toBeLessThanOrEqual(5);
  }
});

test("given again it reads the seals only; in parts it ends at the same bytes", () => {
  const again = saeOnnx("sweep", config, "--out", out, "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ finished: 4, stopped: false, trainingSeconds: 0 });
  const parts = join(folder, "parts");
  for (const shard of ["1/2", "0/2"]) expect(saeOnnx("sweep", config, "--out", parts, "--shard", shard).status).toBe(0);
  expect(digests(parts)).toEqual(digests(out));
});

test("status and page say how far it is", () => {
  const { stdout } = saeOnnx("sweep", "status", out, "--json");
  expect(JSON.parse(stdout)).toMatchObject({ name: "sae", finished: 4, count: 4, processes: [] });
  expect(readFileSync(join(out, "status.html"), "utf8")).toContain("4 of 4 SAEs");
});

test("a report is drawn of what is finished", () => {
  const half = join(folder, "half");
  expect(saeOnnx("sweep", config, "--out", half, "--shard", "0/2").status).toBe(0);
  const { status, stderr } = saeOnnx("report", half, "--out", join(folder, "report"));
  expect(status, stderr).toBe(0);
  expect(readFileSync(join(folder, "report", "report.md"), "utf8")).toContain("2 configurations");
});

test("a dry run says what it takes and writes nothing", () => {
  const { status, stdout, stderr } = saeOnnx("sweep", config, "--out", join(folder, "dry"), "--dry-run");
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/4 SAEs: 2 groups x 2/);
  expect(stdout).toMatch(/about \d+ s here/);
  expect(existsSync(join(folder, "dry"))).toBe(false);
});

test("train --by is the same sweep from flags", () => {
  const flags =
    "--by layer --split 0.8 --split-by problem --latent-dim 24 --k 2 --batch-size 32 --epochs 2 --log jsonl,tensorboard";
  const by = join(folder, "by");
  const { status, stderr } = saeOnnx(
    "train",
    "--data",
    join(folder, "acts.safetensors"),
    ...flags.split(" "),
    "--out",
    by,
  );
  expect(status, stderr).toBe(0);
  expect(readdirSync(by).filter((name) => name.startsWith("layer"))).toEqual(["layer0", "layer1"]);
  const lines = readFileSync(join(by, "log.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ metrics }) => metrics !== undefined)).toHaveLength(2);
  expect(readdirSync(join(by, "tensorboard")).sort()).toEqual(["sae_layer0_d24_k2", "sae_layer1_d24_k2"]);
});

test("two at one folder: the second is told who has it", async () => {
  const path = changed("long.yaml", "epochs: 60", "epochs: 100000");
  const shared = join(folder, "shared");
  const first = startSaeOnnx("sweep", path, "--out", shared);
  await expect.poll(() => existsSync(join(shared, "sweep.json")), { timeout: 20_000 }).toBe(true);
  const { status, stderr } = saeOnnx("sweep", path, "--out", shared, "--quiet");
  first.kill("SIGKILL");
  expect(stderr).toMatch(/^error: [^\n]*sweep: process \d+ on \S+ has it since [^\n]*\n$/);
  expect(status).toBe(1);
});

test("killed within an epoch, it goes on from there and ends at the same bytes", async () => {
  // Step live has runs of 262 steps at most, so an epoch of 12,000 batches is some 46 runs.
  writePlacedRows(join(folder, "many.safetensors"), 1, 1, 60_000);
  const path = changed("epoch.yaml", "acts.safetensors", "many.safetensors");
  const text = readFileSync(path, "utf8");
  writeFileSync(
    path,
    text.replace("epochs: 60, batch_size: 32", "epochs: 1, batch_size: 4").replace("k: [2, 4]", "k: 1"),
  );
  const [whole, killed] = [join(folder, "epoch"), join(folder, "killed")];
  const undisturbed = saeOnnx("sweep", path, "--out", whole);
  expect(undisturbed.status, undisturbed.stderr).toBe(0);
  const child = startSaeOnnx("sweep", path, "--out", killed, "--checkpoint-seconds", "0");
  const saved = join(killed, "layer0_position0", "sae_layer0_position0_d24_k1.safetensors");
  await expect.poll(() => existsSync(saved), { timeout: 20_000, interval: 10 }).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  const { epochsDone, within } = readCheckpoint(readFileSync(saved), saved);
  expect([epochsDone, within!.rows % 4]).toEqual([0, 0]);
  const { status, stderr } = saeOnnx("sweep", path, "--out", killed);
  expect(status, stderr).toBe(0);
  expect(digests(killed)).toEqual(digests(whole));
});

test("a file that a disk has changed is found by its digest, and its SAE made again", () => {
  const parts = join(folder, "parts");
  const name = "sae_layer1_position0_d24_k4.encoder.onnx";
  const path = join(parts, "layer1_position0", name);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
  const { status, stderr } = saeOnnx("sweep", config, "--out", parts, "--quiet");
  expect(status, stderr).toBe(0);
  expect(stderr).toContain(`${name}: has another digest`);
  expect(digests(parts)).toEqual(digests(out));
});

test("a clock that is set back by a day while it trains changes nothing", () => {
  const clock = join(folder, "clock.mjs");
  writeFileSync(
    clock,
    `const now = Date.now; const begun = performance.now();
Date.now = () => now() - (performance.now() - begun > 300 ? 86_400_000 : 0);
`,
  );
  const set = join(folder, "clock");
  const env = { ...process.env, NODE_OPTIONS: `--import ${clock}` };
  const words = ["dist/cli/main.js", "sweep", config, "--out", set, "--checkpoint-seconds", "0"];
  const { status, stderr } = spawnSync("node", words, { encoding: "utf8", env });
  expect(status, stderr).toBe(0);
  expect(digests(set)).toEqual(digests(out));
});

test("data that are gone are one line; once they are back, the same command goes on", () => {
  const half = join(folder, "half");
  const [data, away] = [join(folder, "acts.safetensors"), join(folder, "away.safetensors")];
  renameSync(data, away);
  const gone = saeOnnx("sweep", config, "--out", half, "--quiet");
  renameSync(away, data);
  expect(gone.stderr).toMatch(/^error: [^\n]*acts\.safetensors: cannot read, no such file[^\n]*\n$/);
  expect(gone.status).toBe(1);
  expect(saeOnnx("sweep", config, "--out", half, "--quiet").status).toBe(0);
  expect(digests(half)).toEqual(digests(out));
});

test("data that go while they are read by windows are one line; once they are back, the same command goes on", async () => {
  const [data, away] = [join(folder, "long.safetensors"), join(folder, "gone.safetensors")];
  writePlacedRows(data, 2, 1, 130_000, 128);
  const path = changed("windows.yaml", "acts.safetensors", "long.safetensors");
  const asked = readFileSync(path, "utf8")
    .replace("epochs: 60, batch_size: 32", "epochs: 6, batch_size: 1024, step: dense")
    .replace("split_by: problem\n", "");
  writeFileSync(path, asked);
  // A group takes 66 MB: more than an eighth of this.
  const words = ["sweep", path, "--memory", "500 MB", "--checkpoint-seconds", "0", "--quiet", "--out"];
  const [whole, broken] = [join(folder, "windows"), join(folder, "without")];
  const undisturbed = saeOnnx(...words, whole);
  expect(undisturbed.status, undisturbed.stderr).toBe(0);
  const child = startSaeOnnx(...words, broken);
  let said = "";
  child.stderr!.on("data", (text) => {
    said += text;
  });
  const saved = join(broken, "layer0_position0", "sae_layer0_position0_d24_k2.safetensors");
  await expect.poll(() => existsSync(saved), { timeout: 20_000, interval: 10 }).toBe(true);
  renameSync(data, away);
  const [code] = await once(child, "exit");
  renameSync(away, data);
  expect([code, said]).toEqual([1, expect.stringMatching(/^error: [^\n]*long\.safetensors: cannot read[^\n]*\n$/)]);
  const again = saeOnnx(...words, broken);
  expect(again.status, again.stderr).toBe(0);
  expect(digests(broken)).toEqual(digests(whole));
});

// Root may write anywhere but on a disk that is mounted for reading only.
const readOnly = join(folder, "disk");
mkdirSync(readOnly);
const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", readOnly]).status === 0;
if (isMounted)
  test("a folder that can only be read is one line", () => {
    const { status, stderr } = saeOnnx("sweep", config, "--out", join(readOnly, "out"), "--quiet");
    expect(stderr).toMatch(/^error: [^\n]*read-only[^\n]*\n$/);
    expect(status).toBe(1);
  });

/** What is wrong with a sweep, as its command would say it; nothing where it can be trained. */
async function planned(path: string, shard?: string): Promise<string | undefined> {
  const use = { provider: "cpu", memory: 2e9, logs: [], quiet: true, json: false } as const;
  try {
    const asked = await readSweepConfig(path);
    await planAsked({ ...asked, out: join(folder, "nothing") }, { ...use, shard: parseShard(shard) });
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
}

describe("bad input is one line, and writes nothing", () => {
  test.each([
    [
      "a misspelt key",
      () => changed("a.yaml", "latent_dim", "latent_dum"),
      /there is no key "latent_dum", did you mean latent_dim\?/,
    ],
    [
      "a misspelt key of the sweep",
      () => changed("b.yaml", "split_by", "splitby"),
      /there is no key "splitby", did you mean split-by\?/,
    ],
    [
      "a value of another type",
      () => changed("c.yaml", "split: 0.8", "split: most"),
      /split: must be a number, got a text/,
    ],
    ["what is no YAML", () => changed("d.yaml", "by: [layer", "by: [[layer"), /d\.yaml: .*; write JSON or YAML/],
    ["a column that there is not", () => changed("e.yaml", "[layer, position]", "[depth]"), /no column "depth"/],
    [
      "a group with fewer rows than a batch",
      () => changed("f.yaml", "batch_size: 32", "batch_size: 1000"),
      /group layer=0,position=0: \d+ training rows are fewer than one batch of 1000/,
    ],
    [
      "an option that cannot be",
      () => changed("g.yaml", "k: [2, 4]", "k: [2, 400]"),
      /k must be an integer from 1 to latentDim = 24, got 400/,
    ],
    [
      "data that are not there",
      () => changed("h.yaml", "acts.safetensors", "none.safetensors"),
      /none\.safetensors: cannot read, no such file/,
    ],
  ])("%s", async (_, file, message) => {
    const said = await planned(file());
    expect(said).toMatch(message);
    expect(said).not.toContain("\n");
    expect(existsSync(join(folder, "nothing"))).toBe(false);
  });

  test.each([
    ["3/3", /--shard: 3\/3 is out of range, the parts are 0\/3 to 2\/3/],
    ["x", /--shard: must be a part of so many/],
    ["0/500", /--shard: 500 parts of 4 SAEs/],
  ])("--shard %s", async (shard, message) => {
    expect(await planned(config, shard)).toMatch(message);
  });

  test("another sweep's folder", () => {
    const before = digests(out);
    const { status, stderr } = saeOnnx("sweep", changed("i.yaml", "k: [2, 4]", "k: [2, 5]"), "--out", out, "--quiet");
    expect(stderr).toMatch(/^error: [^\n]*holds another sweep \(kinds\.0\.k was "2,4", is "2,5"\)[^\n]*\n$/);
    expect(status).toBe(1);
    expect(digests(out)).toEqual(before);
  });

  test("no sbatch", () => {
    const words = ["sweep", config, "--out", join(folder, "slurm"), "--engine", "slurm", "--quiet"];
    const env = { ...process.env, PATH: "/nothing" };
    const { status, stderr } = spawnSync(process.execPath, ["dist/cli/main.js", ...words], { encoding: "utf8", env });
    expect(stderr).toMatch(/^error: --engine slurm: there is no sbatch here[^\n]*\n$/);
    expect(status).toBe(1);
  });

  test("a folder that holds no sweep", () => {
    mkdirSync(join(folder, "empty"));
    expect(saeOnnx("sweep", "status", join(folder, "empty")).stderr).toMatch(/^error: [^\n]*holds no sweep[^\n]*\n$/);
  });
});

test("groups by another column stand in the origin, so that a report keeps them apart", () => {
  const path = join(folder, "halves.yaml");
  const rows = readLabels();
  writeFileSync(join(folder, "acts.labels.jsonl"), rows.map((half) => `${JSON.stringify({ half })}\n`).join(""));
  writeFileSync(path, base.replace("[layer, position]", "[half]").replace("epochs: 60", "epochs: 1"));
  const halves = join(folder, "halves");
  const { status, stderr } = saeOnnx("sweep", path, "--out", halves);
  expect(status, stderr).toBe(0);
  const read = (name: string) => {
    const file = join(halves, name, `sae_${name}.metrics.json`);
    return parseMetrics(readFileSync(file, "utf8"), file).rows.map(({ origin }) => origin?.group);
  };
  expect([read("halfa"), read("halfb")]).toEqual([
    ["half=a", "half=a"],
    ["half=b", "half=b"],
  ]);
  expect(saeOnnx("report", halves, "--out", join(folder, "report2")).status).toBe(0);
});

/** Of each row of the data a text that no column has. */
const readLabels = (): string[] => Array.from({ length: 400 }, (_, row) => (row % 10 < 5 ? "a" : "b"));
