import { type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { architectures } from "../src/sae/index.ts";
import { temporaryFolder } from "./cli/run.ts";

const manifest = JSON.parse(readFileSync("package.json", "utf8"));

test("the packed tarball installs into an empty project, and its sae-onnx and its entry run there", ({ skip }) => {
  const folder = temporaryFolder();
  const quiet: ExecFileSyncOptionsWithStringEncoding = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder], quiet));
  const files = execFileSync("tar", ["tzf", join(folder, filename)], quiet);
  expect(files).toContain("package/dist/cli/main.js");
  expect(files).not.toMatch(/package\/(test|models|examples|graphs)\//);

  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  const install = ["install", `./${filename}`, "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  const installed = spawnSync("npm", install, { cwd: folder, env, encoding: "utf8" });
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(installed.stderr)) skip("the npm registry cannot be reached");
  expect(installed.status, installed.stderr).toBe(0);

  const run = (...command: [string, ...string[]]) =>
    spawnSync(command[0], command.slice(1), { cwd: folder, encoding: "utf8" });
  expect(run("npx", "sae-onnx", "--version").stdout.trim()).toBe(manifest.version);
  const script =
    'import { op, architectures } from "sae-onnx"; console.log(typeof op.topK, Object.keys(architectures).join());';
  expect(run("node", "--input-type=module", "-e", script).stdout.trim()).toBe(`function ${Object.keys(architectures)}`);
  const data = resolve("examples/data/use-lite-resid0-pos3.safetensors");
  const trained = run(
    "npx",
    "sae-onnx",
    "train",
    "--data",
    data,
    "--latent-dim",
    "16",
    "--k",
    "2",
    "--epochs",
    "1",
    "--json",
  );
  expect(trained.status, trained.stderr).toBe(0);
  expect(JSON.parse(trained.stdout).rows[0].latent_dim).toBe(16);
});
