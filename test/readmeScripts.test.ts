import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { trainConfig } from "../src/config/config.ts";
import { writeModel } from "../src/export/files.node.ts";
import { freeze } from "../src/export/freeze.ts";
import { initialState } from "../src/train/state.ts";
import { sparseRows, temporaryFolder } from "./cli/run.ts";

/** A project that has the packages, and the models that README's scripts read: an SAE before its first step. */
const project = temporaryFolder();
beforeAll(async () => {
  mkdirSync(join(project, "node_modules"));
  symlinkSync(resolve("."), join(project, "node_modules/sae-onnx"));
  symlinkSync(resolve("node_modules/onnxruntime-node"), join(project, "node_modules/onnxruntime-node"));
  const config = trainConfig({ inputDim: 576, latentDim: 512, options: { k: 20 } });
  const tensors = initialState(config, { activations: sparseRows(8, 576) });
  const about = { epochsDone: 0, loss: [], dataDigest: "", layer: null, position: null, metrics: {} };
  for (const part of ["encoder", "autoencoder"] as const)
    await writeModel(join(project, `models/sae_d512_k20.${part}.onnx`), freeze({ config, tensors, ...about }, part));
});

/** The block of a page that begins with an import, as it stands there. */
const block = (start: string, page = "README.md"): string => {
  const blocks = [...readFileSync(page, "utf8").matchAll(/^```[jt]s\n(.*?)^```$/gms)].map(([, code]) => code!);
  return blocks.find((code) => code.startsWith(start))!;
};

function run(script: string): string {
  writeFileSync(join(project, "script.mjs"), script);
  const { status, stdout, stderr } = spawnSync("node", ["script.mjs"], { cwd: project, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return stdout;
}

test("the first script with a frozen encoder runs, and prints the types and shapes that it says", () => {
  const code = block("import { InferenceSession");
  const said = [...code.matchAll(/\/\/ (\w+) \[(\d+), (\d+)\]/g)].map(([, ...parts]) => parts);
  expect(said).toEqual([
    ["float32", "2", "512"],
    ["float32", "2", "20"],
    ["int64", "2", "20"],
  ]);
  const lines = run(code).trim().split("\n");
  expect(lines.slice(0, 3)).toEqual(said.map(([type, rows, width]) => `${type} [ ${rows}, ${width} ]`));
  expect(lines[3]).toMatch(/^\d+ -?[\d.]+$/);
});

test("the lines for Node and browsers run in Node", () => {
  const rows =
    'const [rows, validation] = [320, 64].map((n) => tensor("float32", [n, 576], Float32Array.from({ length: n * 576 }, (_, i) => Math.sin(i * i))));';
  const after =
    "console.log(JSON.stringify([metrics.l0_mean, provider, latents.dims, top_indices.dtype, trained.epochsDone]));";
  const printed = run(
    `import { tensor } from "sae-onnx";\n${block("import { evaluate,")}${after}`.replace(
      "\n// rows",
      `\n${rows}\n// rows`,
    ),
  );
  expect(JSON.parse(printed.trim().split("\n").at(-1)!)).toEqual([20, "cpu", [320, 512], "int64", 25]);
});

test("the library page goes from activations to a measured SAE in a file", () => {
  symlinkSync(resolve("examples"), join(project, "examples"));
  const found = Number(run(block("import { evaluate, finishedCheckpoint", "docs/library.md")));
  expect(found).toBeGreaterThan(0.3);
  expect(found).toBeLessThan(1);
  expect(existsSync(join(project, "sae.autoencoder.onnx"))).toBe(true);
});
