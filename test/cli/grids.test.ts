import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tensor } from "../../src/util/tensor.ts";
import { npy, saeOnnx, snapshot, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const x = sparseRows(200, 12);
writeFileSync(at("acts.npy"), npy(x));
/** What a layer might make of them: 10 wide. */
const layer = new Float32Array(200 * 10);
for (let i = 0; i < layer.length; i++) layer[i] = 1 - 2 * x.data[Math.floor(i / 10) * 12 + (i % 10)]!;
writeFileSync(at("out.npy"), npy(tensor("float32", [200, 10], layer)));
writeFileSync(at("short.npy"), npy(tensor("float32", [199, 10], layer.slice(10))));

const train = (out: string, ...more: string[]) =>
  saeOnnx(
    "train",
    "--data",
    at("acts.npy"),
    "--latent-dim",
    "24",
    "--batch-size",
    "32",
    "--out",
    at(out),
    "--json",
    "--quiet",
    ...more,
  );
const rows = ({ stdout }: { stdout: string }): { name: string; config: Record<string, unknown>; metrics?: unknown }[] =>
  JSON.parse(stdout).rows;
const bytes = (out: string, name: string) =>
  createHash("sha256")
    .update(readFileSync(at(join(out, name))))
    .digest("hex");

describe("lists", () => {
  test("a grid is the product of all lists, its files are named by what varies, every record says its configuration", () => {
    const run = train("lists", "--k", "2,3", "--learning-rate", "1e-2,1e-3", "--select", "value", "--epochs", "1");
    expect(run.status, run.stderr).toBe(0);
    expect(rows(run).map(({ name }) => name)).toEqual([
      "sae_d24_k2_lr0.01",
      "sae_d24_k2_lr0.001",
      "sae_d24_k3_lr0.01",
      "sae_d24_k3_lr0.001",
    ]);
    expect(rows(run)[1]!.config).toMatchObject({ learning_rate: 1e-3, k: 2, select: "value", epochs: 1 });
    const page = saeOnnx("report", at("lists/sae.metrics.json"), "--out", at("lists-report"));
    expect(page.status, page.stderr).toBe(0);
    const html = readFileSync(at("lists-report/index.html"), "utf8");
    for (const { name } of rows(run)) expect(html).toContain(name);
  }, 120_000);

  test.each<[string, string[], RegExp]>([
    ["a value out of range", ["--k", "2,25"], /error: --k must be an integer from 1 to --latent-dim = 24, got 25/],
    [
      "a value that is none",
      ["--k", "2", "--learning-rate", "1e-3,fast"],
      /--learning-rate: must be numbers such as 0.1 or 1e-3,3e-4, got "fast" in "1e-3,fast"/,
    ],
    ["a value twice", ["--k", "2,2"], /--k: 2 is there twice in "2,2"/],
    ["an unknown choice", ["--k", "2", "--select", "value,best"], /select must be one of magnitude, value, got best/],
    [
      "--seed with --seeds",
      ["--k", "2", "--seed", "1", "--seeds", "2,3"],
      /--seed and --seeds say the same thing; give one of them/,
    ],
    ["the field's other names", ["--k", "2", "--lr", "1e-3"], /there is no flag --lr, here it is --learning-rate/],
    ["a missing sparsity", [], /train: --k is missing; sae-onnx train --help shows an example/],
    [
      "options that contradict",
      ["--k", "2", "--final-rate", ".1"],
      /error: --final-rate is for a schedule that falls, schedule is constant/,
    ],
  ])("%s is one line, and nothing is written", (_, flags, message) => {
    const before = snapshot(folder);
    const run = train("refused", ...flags);
    expect(run.status).toBe(1);
    expect(run.stderr.trim().split("\n")).toHaveLength(1);
    expect(run.stderr).toMatch(message);
    expect(snapshot(folder)).toEqual(before);
  });
});

describe("more training from what is there", () => {
  const dense = ["--k", "4", "--step", "dense"];

  test("4 epochs, then 7, give the bytes of 7 at once", () => {
    expect(train("on", ...dense, "--epochs", "4").status).toBe(0);
    const on = train("on", ...dense, "--epochs", "7");
    expect(on.status, on.stderr).toBe(0);
    expect(train("once", ...dense, "--epochs", "7").status).toBe(0);
    for (const name of ["sae_d24_k4.safetensors", "sae_d24_k4.state.safetensors", "sae_d24_k4.encoder.onnx"])
      expect(bytes("on", name), name).toBe(bytes("once", name));
    const [row] = rows(on) as unknown as [{ epochs: number; loss: number[] }];
    expect([row.epochs, row.loss.length]).toEqual([7, 7]);
  }, 120_000);

  test("fewer epochs, a schedule laid out for fewer, and a state that is gone, are refused by name", () => {
    expect(train("on", ...dense, "--epochs", "5").stderr).toMatch(/was trained with epochs = 7, now asked for 5/);
    expect(train("cosine", ...dense, "--epochs", "2", "--schedule", "cosine").status).toBe(0);
    expect(train("cosine", ...dense, "--epochs", "3", "--schedule", "cosine").stderr).toMatch(
      /its schedule was laid out for 2 epochs, it cannot go on to 3; start from its weights with --init-from/,
    );
    rmSync(at("on/sae_d24_k4.state.safetensors"));
    expect(train("on", ...dense, "--epochs", "9").stderr).toMatch(
      /is finished after 7 epochs, and its training state .*state\.safetensors is not there to go on from/,
    );
    expect(train("without", ...dense, "--epochs", "1", "--no-keep-state").status).toBe(0);
    expect(readdirSync(at("without")).filter((name) => name.includes(".state."))).toEqual([]);
  }, 120_000);

  test("with live rows it says where the last digits may differ", () => {
    const live = ["--k", "1", "--step", "live"];
    expect(train("live", ...live, "--epochs", "3").status).toBe(0);
    expect(train("live", ...live, "--epochs", "12").stderr).toMatch(
      /sae_d24_k1: goes on after epoch 3, where 12 epochs at once would be in the middle of a run; the last digits may differ/,
    );
  }, 60_000);

  test("--init-from starts from another SAE's weights, trained here or imported, and refuses other shapes", () => {
    const from = at("once/sae_d24_k4.safetensors");
    const run = train("from", "--k", "3", "--epochs", "1", "--init-from", from);
    expect(run.status, run.stderr).toBe(0);
    expect(rows(run)[0]!.config.init_from).toBe(createHash("sha256").update(readFileSync(from)).digest("hex"));
    const wide = saeOnnx(
      ...["train", "--data", at("acts.npy"), "--latent-dim", "32", "--k", "3", "--batch-size", "32"],
      "--out",
      at("wide"),
      "--init-from",
      from,
    );
    expect(wide.stderr).toMatch(/--init-from: .*: W_enc is \[24, 12\], topk with these options needs \[32, 12\]/);
    const folder = "test/fixtures/pretrained/sparsify";
    const imported = saeOnnx("import", folder, "--out", at("imported"), "--json");
    expect(imported.status, imported.stderr).toBe(0);
    const start = at("imported/sparsify.safetensors");
    const tuned = train("tuned", "--architecture", "topk-relu", "--k", "4", "--epochs", "1", "--init-from", start);
    expect(tuned.status, tuned.stderr).toBe(0);
    expect(train("biasless", "--k", "4", "--init-from", start).stderr).toMatch(
      /has b_dec, which topk with these options has not; add --decoder-bias/,
    );
  }, 60_000);
});

describe("a transcoder", () => {
  test("is trained, frozen, verified and measured against its targets, the same by train and by eval", () => {
    const run = train(
      "transcoder",
      "--k",
      "4",
      "--architecture",
      "topk-relu",
      "--target",
      at("out.npy"),
      "--epochs",
      "30",
      "--learning-rate",
      "1e-2",
    );
    expect(run.status, run.stderr).toBe(0);
    const [row] = rows(run) as unknown as [Record<string, number>];
    expect([row.input_dim, row.output_dim]).toEqual([12, 10]);
    expect(row.explained_variance_centered).toBeGreaterThan(0.3);
    const models = at("transcoder/sae_d24_k4.autoencoder.onnx");
    const measured = saeOnnx("eval", models, "--data", at("acts.npy"), "--target", at("out.npy"), "--json");
    expect(measured.status, measured.stderr).toBe(0);
    const [again] = rows(measured) as unknown as [Record<string, number>];
    for (const key of ["explained_variance", "explained_variance_centered", "reconstruction_loss", "l0_mean"])
      expect(Math.abs(again[key]! / row[key]! - 1), key).toBeLessThan(1e-6);
    expect(saeOnnx("verify", models).status).toBe(0);
    // Its training state lies beside it: a glob over the folder finds both.
    const [checkpoint, state] = ["", ".state"].map((kind) => at(`transcoder/sae_d24_k4${kind}.safetensors`));
    expect(saeOnnx("export", checkpoint!, state!, "--part", "decoder").status).toBe(0);
    expect(saeOnnx("export", state!).stderr).toMatch(/the state of a training, not a checkpoint/);
    expect(saeOnnx("export", checkpoint!, "--dtype", "int8", "--data", at("acts.npy")).stderr).toMatch(
      /is a transcoder; what --dtype int8 costs one is not measured yet/,
    );
    const report = saeOnnx("report", at("transcoder/sae.metrics.json"), "--out", at("transcoder-report"));
    expect(report.status, report.stderr).toBe(0);
    expect(readFileSync(at("transcoder-report/report.md"), "utf8")).toContain(
      "on **acts.npy**, reconstructing **out.npy**",
    );
    expect(saeOnnx("eval", models, "--data", at("acts.npy")).stderr).toMatch(
      /is a transcoder to rows 10 wide, and there are no targets to compare with; sae-onnx eval takes them with --target/,
    );
  }, 60_000);

  test("from shards, with targets in shards, has the same bytes; also where only one of the two is in shards", () => {
    const half = (name: string, data: Float32Array, width: number) =>
      [0, 1].map((i) => {
        const path = at(`${name}-${i}.npy`);
        const from = i === 0 ? 0 : 90 * width;
        const rows = data.slice(from, i === 0 ? 90 * width : data.length);
        writeFileSync(path, npy(tensor("float32", [rows.length / width, width], rows)));
        return path;
      });
    const [acts, out] = [half("acts", x.data, 12).join(), half("out", layer, 10).join()];
    const how = [
      "--latent-dim",
      "24",
      "--k",
      "4",
      "--architecture",
      "topk-relu",
      "--batch-size",
      "32",
      "--epochs",
      "3",
    ];
    const scaled = [...how, "--input-scale", "entries", "--centre"];
    const run = (name: string, ...data: string[]) =>
      saeOnnx("train", ...data, ...scaled, "--out", at(name), "--json", "--quiet");
    const whole = run("whole", "--data", at("acts.npy"), "--target", at("out.npy"));
    const shards = run("shards", "--data", acts, "--target", out);
    const mixed = run("mixed", "--data", at("acts.npy"), "--target", out);
    for (const one of [whole, shards, mixed]) expect(one.status, one.stderr).toBe(0);
    for (const name of ["shards", "mixed"])
      for (const file of ["sae_d24_k4.state.safetensors", "sae_d24_k4.encoder.onnx"])
        expect(bytes(name, file), `${name}/${file}`).toBe(bytes("whole", file));
  }, 120_000);

  test("refuses targets that are not of the same rows", () => {
    expect(train("none", "--k", "4", "--target", at("short.npy")).stderr).toMatch(
      /--target: short\.npy has 199 rows, acts\.npy has 200; both need the same rows in the same order/,
    );
  });
});
