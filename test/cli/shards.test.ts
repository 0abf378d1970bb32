import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sliceRows } from "../../src/util/tensor.ts";
import { npy, saeOnnx, snapshot, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const rows = sparseRows(400, 16);
mkdirSync(at("shards"));
mkdirSync(at("empty"));
mkdirSync(at("archive"));
writeFileSync(at("archive/a.npy"), npy(rows));
writeFileSync(at("archive/b.npz"), "");
writeFileSync(at("whole.npy"), npy(rows));
mkdirSync(at("heavy"));
// Two rows among the training rows and one among the others are far longer.
const heavy = { ...rows, data: rows.data.map((v, i) => ([7, 200, 390].includes(Math.floor(i / 16)) ? 1000 * v : v)) };
writeFileSync(at("heavy.npy"), npy(heavy));
writeFileSync(at("heavy/1.npy"), npy(sliceRows(heavy, 0, 100)));
writeFileSync(at("heavy/2.npy"), npy(sliceRows(heavy, 100, 400)));
writeFileSync(at("shards/part-2.npy"), npy(sliceRows(rows, 0, 150)));
writeFileSync(at("shards/part-10.npy"), npy(sliceRows(rows, 150, 400)));
const train = (data: string, out: string, ...args: string[]) => {
  const sae = ["--latent-dim", "24", "--k", "2", "--epochs", "2", "--batch-size", "32", "--quiet"];
  return saeOnnx("train", "--data", at(data), "--out", at(out), ...sae, ...args);
};
/** All that is written, without times and the name of the data. */
const written = (out: string) => {
  const { "sae.metrics.json": _, ...files } = snapshot(at(out));
  const metrics = JSON.parse(readFileSync(join(at(out), "sae.metrics.json"), "utf8"));
  delete metrics.data.source;
  for (const row of metrics.rows) delete row.train_time_sec;
  return { files, metrics };
};

describe.sequential("a folder of shards", () => {
  test.each([["65536"], ["64"]])("trains and measures to the bytes of one file, %s rows shuffled at a time", (n) => {
    expect(train("whole.npy", `whole-${n}`, "--shuffle-rows", n).status).toBe(0);
    for (const memory of ["2GB", "560MB"]) {
      const out = `shards-${n}-${memory}`;
      const { status, stderr } = train("shards", out, "--shuffle-rows", n, "--memory", memory);
      expect(stderr).toMatch(/^metrics: /);
      expect(status).toBe(0);
      expect(written(out)).toEqual(written(`whole-${n}`));
    }
    expect(written(`whole-${n}`).metrics.config.shuffle_rows).toBe(n === "64" ? 64 : undefined);
  });

  test("leaves the same rows out of training, each SAE its own, and says how many", () => {
    const limits = ["--max-row-norm", "none,20x", "--shuffle-rows", "64"];
    expect(train("heavy.npy", "heavy-whole", ...limits).status).toBe(0);
    const { status, stderr } = train("heavy", "heavy-shards", ...limits);
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("--max-row-norm 20x: 2 of 320 training rows are left out\n"),
    ]);
    expect(written("heavy-shards")).toEqual(written("heavy-whole"));
    const { rows } = written("heavy-shards").metrics;
    expect(rows.map(({ left_out_rows }: { left_out_rows?: number }) => left_out_rows)).toEqual([undefined, 2]);
    expect(rows[0].loss[0]).toBeGreaterThan(100 * rows[1].loss[0]);
    // Of 80 validation rows one is far from all others.
    expect(train("heavy.npy", "heavy-whole", ...limits).stdout).toMatch(
      /^The heaviest 0\.1 % of the validation rows \(1 of 80\) hold 9[89]\.\d % of the variance: .* Without them it is [^\n]+ for sae_d24_k2, /m,
    );
  });

  test("may be given file by file", () => {
    const files = ["--data", at("shards/part-10.npy"), "--shuffle-rows", "64"];
    expect(train("shards/part-2.npy", "repeated", ...files).status).toBe(0);
    expect(written("repeated")).toEqual(written("whole-64"));
  });

  test("is measured by eval as one file is", () => {
    const model = at("whole-64/sae_d24_k2.autoencoder.onnx");
    const measured = (data: string) => JSON.parse(saeOnnx("eval", model, "--data", at(data), "--json").stdout);
    const [whole, shards] = [measured("whole.npy"), measured("shards")];
    expect(shards.rows).toEqual(whole.rows);
    expect(shards.data).toEqual({ ...whole.data, source: "shards" });
  });
});

describe("in one line, with nothing written", () => {
  test.each([
    [
      "too little memory",
      "shards",
      ["--memory", "100MB"],
      /--memory: 100 MB are too little, .* take about \d+ MB; raise/,
    ],
    ["no size", "shards", ["--memory", "much"], /--memory: must be a size such as 2GB or 500MB, got "much"/],
    [
      "a limit that leaves nothing",
      "shards",
      ["--max-row-norm", "1e-9"],
      /--max-row-norm 1e-9 leaves out all 320 training/,
    ],
    ["no limit", "shards", ["--max-row-norm", "long"], /--max-row-norm: must be a size such as 2500, .* got "long"/],
    ["no rows to shuffle", "shards", ["--shuffle-rows", "0"], /--shuffle-rows must be an integer of at least 1, got 0/],
    ["an empty folder", "empty", [], /empty: no \.safetensors or \.npy file in this folder/],
    ["an archive in a folder", "archive", [], /archive\/b\.npz: an archive cannot be read by windows/],
    ["a shard that is missing", "shards/part-2.npy,gone.npy", [], /gone\.npy: cannot read, no such file/],
    [
      "an archive among shards",
      "shards/part-2.npy,b.npz",
      [],
      /b\.npz: unknown extension; .*shards from \.safetensors or/,
    ],
  ])("%s", (_, data, args, message) => {
    const { status, stdout, stderr } = train(data, "none", ...args);
    expect(stderr).toMatch(/^error: .*\n$/);
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(status).toBe(1);
    expect(existsSync(at("none"))).toBe(false);
  });
});

describe.sequential("synth --shards", () => {
  const small = ["--rows", "250", "--input-dim", "16", "--features", "24", "--mean-active", "3", "--quiet"];

  test("writes shards that train as one set, the last one short; again it finds them there", () => {
    const synth = () =>
      saeOnnx("synth", "--out", at("made"), "--shards", "3", ...small, "--dtype", "float16", "--json");
    expect(JSON.parse(synth().stdout)).toMatchObject({ shards: 3, rows: 250, dtype: "float16" });
    expect(readdirSync(at("made"))).toEqual([0, 1, 2].map((shard) => `shard-${shard}.safetensors`));
    const before = snapshot(at("made"));
    expect(synth().status).toBe(0);
    expect(snapshot(at("made"))).toEqual(before);
    expect(train("made", "from-made").status).toBe(0);
    const { metrics } = written("from-made");
    expect(metrics.data).toMatchObject({ train_rows: 200, validation_rows: 50, synthetic: true });
    expect(metrics.rows[0].recovered_features).toBeTypeOf("number");
  });

  test("what is there is kept unless forced; too many shards are refused", () => {
    const refused = saeOnnx("synth", "--out", at("made"), "--shards", "2", ...small);
    expect(refused.stderr).toMatch(
      /^error: .*shard-0\.safetensors: is there and holds something else; use --force.*\n$/,
    );
    expect(refused.status).toBe(1);
    rmSync(at("made"), { recursive: true });
    expect(saeOnnx("synth", "--out", at("made"), "--shards", "200", ...small).stderr).toMatch(/do not fill 200 shards/);
    expect(existsSync(at("made"))).toBe(false);
  });
});
