import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { readNpyArray, writeNpy } from "../../src/data/npy.ts";
import { toFloat32 } from "../../src/data/stored.ts";
import { freeze } from "../../src/export/freeze.ts";
import { formats, type WrittenName, writtenNames } from "../../src/formats/index.ts";
import { unsigned, unsignedConfig } from "../../src/formats/unsigned.ts";
import { packModel } from "../../src/onnx/model.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { sample } from "../checkpoint/sample.ts";
import { temporaryFolder } from "../cli/run.ts";
import { lacking, python } from "../python/python.mjs";
import { cases } from "../sae/cases.ts";
import { agreement, disagreement, expectedIn, peer, peersIn } from "./peers.ts";
import { type Line, peersTable } from "./peersTable.ts";

const missing = lacking("numpy", "onnxruntime", "torch", "sae-lens", "eai-sparsify", "dictionary-learning");
// As wide as the SAEs of cases.ts.
const [rows, inputDim, latentDim] = [10_000, 16, 48];
const env = { ...process.env, HF_HUB_OFFLINE: "1", SPARSIFY_DISABLE_TRITON: "1" };
const run = (script: string, ...args: readonly string[]) =>
  execFileSync(python, ["-I", `test/python/${script}`, ...args], { stdio: ["ignore", "ignore", "pipe"], env });

/** Every SAE there is: one of each case of an architecture, those that other libraries wrote, and those with signs once more without. */
async function everySae(folder: string): Promise<[string, Checkpoint][]> {
  const found: [string, Checkpoint][] = [];
  for (const one of cases) found.push([one.name, await sample(one)]);
  for (const name of peersIn(folder)) found.push([name, await peer(join(folder, name))]);
  const signed = found.filter(([, { config }]) => unsignedConfig(config));
  return [...found, ...signed.map(([name, one]): [string, Checkpoint] => [`${name}, unsigned`, unsigned(one, name)])];
}

/** Writes an SAE in a format; `false` where that has no words for it. */
function isWritten(format: WrittenName, checkpoint: Checkpoint, to: string): boolean {
  try {
    const files = formats[format].write(checkpoint, "a");
    mkdirSync(to, { recursive: true });
    for (const [file, content] of Object.entries(files)) writeFileSync(join(to, file), content);
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return false;
  }
}

describe.skipIf(missing)(`other libraries, ${rows} rows a class${missing && ` (skipped: ${missing})`}`, () => {
  const folder = temporaryFolder();
  const lines: Line[] = [];
  let every: [string, Checkpoint][] | undefined;

  test("import computes what the library does that wrote it", { timeout: 3_600_000 }, async () => {
    run("peers.py", folder, String(rows), String(inputDim), String(latentDim));
    const wrong: string[] = [];
    for (const name of peersIn(folder)) {
      const found = await agreement(await peer(join(folder, name)), expectedIn(join(folder, name)));
      lines.push({ way: "in", library: name.split("/")[0]!, name, found });
      const reason = disagreement(found);
      if (reason) wrong.push(`${name}: ${reason}`);
    }
    expect(wrong).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(150);
  });

  test.each(writtenNames)(
    "%s loads what export --format writes, and computes the same",
    { timeout: 3_600_000 },
    async (format) => {
      const { x } = expectedIn(join(folder, "saelens/topk-none-raw"));
      const own = temporaryFolder();
      writeFileSync(join(own, "x.npy"), writeNpy(x));
      every ??= await everySae(folder);
      const written = every
        .map(([name, checkpoint], i) => ({ name, checkpoint, at: join(own, String(i)) }))
        .filter(({ checkpoint, at }) => isWritten(format, checkpoint, at));
      run("loaded.py", format, join(own, "x.npy"), ...written.map(({ at }) => at));
      const wrong: string[] = [];
      for (const { name, checkpoint, at } of written) {
        const output = (what: string) => toFloat32(readNpyArray(readFileSync(join(at, `${what}.npy`)), name));
        const theirs = { x, latents: output("latents"), reconstruction: output("reconstruction") };
        const found = await agreement(checkpoint, theirs);
        lines.push({ way: "out", library: format, name, found });
        const reason = disagreement(found);
        if (reason) wrong.push(`${name}: ${reason}`);
      }
      expect(wrong).toEqual([]);
      expect(written.length).toBeGreaterThanOrEqual({ saelens: 140, sparsify: 25, "dictionary-learning": 50 }[format]);
    },
  );

  test("Python's onnxruntime gives the same: encoders, autoencoders, evaluators", { timeout: 3_600_000 }, async () => {
    const { x } = expectedIn(join(folder, "saelens/topk-none-raw"));
    const own = temporaryFolder();
    writeFileSync(join(own, "x.npy"), writeNpy(x));
    every ??= await everySae(folder);
    // For the table all; else one of each that is computed otherwise, others differ in their weights.
    const kindOf = ([name, { config }]: [string, Checkpoint]) =>
      process.env.PEERS === "write" ? name : `${config.architecture} ${JSON.stringify(config.options)}`;
    const kinds = new Map(every.map((one) => [kindOf(one), one]));
    const frozen = [...kinds.values()].filter(([, { config }]) => config.inputDim === inputDim);
    for (const [i, [, checkpoint]] of frozen.entries()) {
      mkdirSync(join(own, String(i)));
      for (const part of ["encoder", "autoencoder", "evaluator"] as const)
        writeFileSync(join(own, String(i), `${part}.onnx`), packModel(freeze(checkpoint, part)).bytes);
    }
    run("onnx_models.py", join(own, "x.npy"), ...frozen.map((_, i) => join(own, String(i))));
    const wrong: string[] = [];
    for (const [i, [name, checkpoint]] of frozen.entries()) {
      const output = (what: string) => toFloat32(readNpyArray(readFileSync(join(own, String(i), `${what}.npy`)), name));
      const theirs = { x, latents: output("latents"), reconstruction: output("reconstruction") };
      const found = await agreement(checkpoint, theirs);
      lines.push({ way: "out", library: "Python's onnxruntime", name, found });
      const reason = disagreement(found);
      if (reason) wrong.push(`${name}: ${reason}`);
    }
    expect(wrong).toEqual([]);
    expect(frozen.length).toBeGreaterThanOrEqual(40);
  });

  afterAll(() => {
    if (process.env.PEERS !== "write") return;
    const docs = readFileSync("docs/formats.md", "utf8");
    writeFileSync(
      "docs/formats.md",
      docs.replace(/(<!-- peers -->\n)[\s\S]*?(<!-- \/peers -->)/, `$1${peersTable(lines)}$2`),
    );
  });
});
