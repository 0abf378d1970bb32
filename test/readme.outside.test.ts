import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { saeOnnx, temporaryFolder } from "./cli/run.ts";
import { lacking, python } from "./python/python.mjs";

const missing = lacking("numpy", "onnxruntime", "safetensors");

test.skipIf(missing)(`README's lines of Python run, to and back${missing && ` (skipped: ${missing})`}`, () => {
  const snippets = [...readFileSync("README.md", "utf8").matchAll(/^```python\n(.*?)^```$/gms)].map(
    ([, text]) => text!,
  );
  expect(snippets).toHaveLength(2);
  const [save, load] = snippets as [string, string];
  const cwd = temporaryFolder();
  const before = `import json, numpy, onnxruntime, safetensors.numpy
activations = numpy.random.default_rng(0).standard_normal((60, 8)).astype("float32")
split = (numpy.arange(60) >= 40).astype("int64")
`;
  execFileSync(python, ["-Ic", `${before}${save}`], { cwd });
  for (const file of ["acts.npy", "acts.safetensors"]) {
    const out = join(cwd, file === "acts.npy" ? "other" : "models");
    const small = [
      "--latent-dim",
      "16",
      "--k",
      "2,4",
      "--epochs",
      "2",
      "--batch-size",
      "16",
      "--out",
      out,
      "--quiet",
      "--json",
    ];
    const { status, stdout, stderr } = saeOnnx("train", "--data", join(cwd, file), ...small);
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout).data).toMatchObject({ train_rows: file === "acts.npy" ? 48 : 40 });
  }
  // A latent's row of the decoder, times its value: what is rebuilt is what the autoencoder here rebuilds.
  const check = `
assert top_values.shape == top_indices.shape == (60, best["k"]) and W_dec.shape == (16, 8)
auto = onnxruntime.InferenceSession(f"models/{best['name']}.autoencoder.onnx")
rebuilt = auto.run(["reconstruction"], {"activations": activations})[0]
assert numpy.abs(latents @ W_dec - rebuilt).max() < 1e-5 < numpy.abs(rebuilt).max()
print("good")`;
  expect(execFileSync(python, ["-Ic", `${before}${load}${check}`], { cwd, encoding: "utf8" }).trim()).toBe("good");
});
