import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { verbs } from "../../src/cli/commands/index.ts";
import { paths } from "../../src/cli/home.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { stemsOf } from "../../src/record/names.ts";
import { checkFileName } from "../../src/util/fileName.ts";
import { complaint } from "../data/helpers.ts";
import { npy, saeOnnx, sparseRows, temporaryFolder } from "./run.ts";

const home = temporaryFolder();
const small = ["--latent-dim=24", "--k=2", "--epochs=1", "--batch-size=32", "--quiet", "--json"];
const rows = sparseRows(100, 16);

beforeAll(() => {
  mkdirSync(join(home, "set"));
  writeFileSync(join(home, "acts.npy"), npy(rows));
  writeFileSync(join(home, "acts.safetensors"), writeSafetensors({ activations: rows }));
  writeFileSync(join(home, "set", "0.npy"), npy(rows));
});

/** A command line as a shell runs it, in a home of our own. */
const sh = (line: string) =>
  spawnSync("bash", ["-c", line.replaceAll("sae-onnx", "node dist/cli/main.js")], {
    encoding: "utf8",
    env: { ...process.env, HOME: home },
  });

describe("a home folder written ~", () => {
  test("is found where a shell leaves it: behind a flag's =, in a list, in quotes", () => {
    const trained = sh(`sae-onnx train --data=~/acts.npy,~/set/0.npy --out=~/models ${small.join(" ")}`);
    expect(trained.status, trained.stderr).toBe(0);
    expect(JSON.parse(trained.stdout).data).toMatchObject({ train_rows: 160 });
    const evaluated = sh(
      `sae-onnx eval '~/models/sae_d24_k2.autoencoder.onnx' --data=~/acts.npy --out=~/eval/m.json --quiet`,
    );
    expect(evaluated.status, evaluated.stderr).toBe(0);
    expect(existsSync(join(home, "eval", "m.json"))).toBe(true);
    const reported = sh("sae-onnx report '~/eval/m.json' --out=~/page --title=~/x --quiet");
    expect(reported.status, reported.stderr).toBe(0);
    expect(readFileSync(join(home, "page", "index.html"), "utf8")).toContain("~/x");
    expect(existsSync("~")).toBe(false);
  });

  test("is looked for in every flag and word that names a file or folder", async () => {
    const others = [
      ...["where", "tensor", "target-tensor", "memory", "name", "prefix", "outputs", "part", "pareto", "title", "grep"],
      ...["label", "groups", "folds", "unembedding-tensor", "format"],
      ...["by", "split-by", "shard", "sbatch", "log", "map", "part-size"],
      ...["at", "positions", "text-key", "thought-from", "ablate", "scale", "steer", "output", "prompt"],
    ];
    for (const [verb, { load }] of Object.entries(verbs)) {
      const { options, positional = {} } = await load();
      // Lists of numbers and names are made from tables, and have a group.
      const texts = Object.entries(options).filter(([, one]) => one.type === "string" && one.group === undefined);
      for (const name of [...texts.map(([name]) => name), ...Object.keys(positional)])
        expect([...paths, ...others], `${verb} ${name}: does it name a file?`).toContain(name);
    }
  });
});

describe.skipIf(process.platform === "win32")("a pipe", () => {
  test.each([
    ["a .npy by <( )", "--data <(cat ~/acts.npy)"],
    ["a .safetensors by <( )", "--data <(cat ~/acts.safetensors)"],
    ["standard input", "--data /dev/stdin < <(cat ~/acts.npy)"],
  ])("is read as a file is: %s", (_, data) => {
    const wanted = sh(`sae-onnx train --data ~/acts.npy --out ~/file ${small.join(" ")} --force`);
    expect(wanted.status, wanted.stderr).toBe(0);
    const { status, stdout, stderr } = sh(`sae-onnx train ${data} --out ~/pipe --force ${small.join(" ")}`);
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout).data.digest).toBe(JSON.parse(wanted.stdout).data.digest);
    for (const name of readdirSync(join(home, "file")).filter((one) => one.endsWith(".onnx")))
      expect(readFileSync(join(home, "pipe", name))).toEqual(readFileSync(join(home, "file", name)));
  });

  test("with a name, a model and metrics too", () => {
    sh(`sae-onnx train --data ~/acts.npy --out ~/file ${small.join(" ")}`);
    execFileSync("mkfifo", [join(home, "p.npy")]);
    const line = `cat ~/acts.npy > ~/p.npy & sae-onnx eval <(cat ~/file/sae_d24_k2.autoencoder.onnx) --data ~/p.npy --json --quiet`;
    const { status, stdout, stderr } = sh(line);
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout).rows).toHaveLength(1);
    const report = sh("sae-onnx report <(cat ~/file/sae.metrics.json) --out ~/page2 --quiet");
    expect(report.status, report.stderr).toBe(0);
  });

  test.each([
    ["true", "--data <(true)", /^error: \/dev\/fd\/\d+: unknown extension; activations are read from/],
    ["text", "--data <(echo hello)", /^error: \/dev\/fd\/\d+: unknown extension; activations are read from/],
    [
      "a cut file",
      "--data <(head -c 300 ~/acts.npy)",
      /^error: \/dev\/fd\/\d+: truncated, .* takes 6400 bytes after the header, found 172/,
    ],
    ["one of several", "--data ~/acts.npy,<(cat ~/acts.npy)", /: a pipe is read once and whole, not as one of several/],
  ])("that gives %s is refused in one line", (_, data, message) => {
    const { status, stderr } = sh(`sae-onnx train ${data} --out ~/bad ${small.join(" ")}`);
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(status).toBe(1);
    expect(existsSync(join(home, "bad"))).toBe(false);
  });
});

describe("--name", () => {
  const wrong: [string, string][] = [
    ["../x", "it leads to another folder"],
    ["a/b", "it leads to another folder"],
    ["a\\b", "it leads to another folder"],
    ["..", "give it a letter"],
    [".", "give it a letter"],
    ["", "give it a letter"],
    ["a\nb", "it has control characters"],
    ["é".repeat(80), "it has more than 150 bytes"],
  ];
  const deep = () => join(temporaryFolder(), "deep", "out");
  const refused = (name: string, why: string, ...args: string[]) => {
    const out = deep();
    const { status, stderr } = saeOnnx(...args, "--out", out, "--name", name);
    expect(stderr).toMatch(/^error: --name must be the first part of a file name, got [^\n]*\n$/);
    expect(stderr).toContain(why);
    expect(status).toBe(1);
    expect(readdirSync(join(out, "..", ".."))).toEqual([]);
  };

  test.each([
    ["train", "--data", join(home, "acts.npy"), ...small],
    ["import", "test/fixtures/pretrained/sparsify"],
    ["build-graph", "--input-dim=16", "--latent-dim=24", "--k=2"],
  ])("that leads elsewhere is refused by %s, before anything is read or written", (...args) => {
    refused("../x", "it leads to another folder", ...args);
  });

  test.each(wrong)("%j is refused", (name, why) => {
    expect(complaint(() => checkFileName(name, "--name"))).toContain(why);
  });

  test.each(["sae", "a.b", "..a", "a b", "größe", "-"])("%j is a name", (name) => {
    expect(checkFileName(name)).toBe(name);
  });

  test("the library refuses it too", () => {
    expect(complaint(() => stemsOf("../x", []))).toContain('name must be the first part of a file name, got "../x"');
  });

  test("every verb with --name is among these", async () => {
    const with_ = await Promise.all(
      Object.entries(verbs).map(async ([verb, { load }]) => ("name" in (await load()).options ? verb : undefined)),
    );
    expect(with_.filter(Boolean).sort()).toEqual(["build-graph", "import", "train"]);
  });
});
