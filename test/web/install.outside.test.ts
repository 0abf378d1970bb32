import { type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { saeOnnx, temporaryFolder } from "../cli/run.ts";
import { noChromium, startChromium } from "../report/chromium.ts";
import { servePlainly } from "./page.ts";

const quiet: ExecFileSyncOptionsWithStringEncoding = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
  devDependencies: Record<string, string>;
};

const pack = temporaryFolder();
let tarball = "";
beforeAll(() => {
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", pack], quiet),
  );
  tarball = join(pack, filename);
});

describe("the package as others see it", () => {
  test("is under 3 MB: the .wasm files are onnxruntime-web's", () => {
    expect(statSync(tarball).size).toBeLessThan(3e6);
  });

  test.each([
    ["publint", ["publint", "--strict"]],
    ["arethetypeswrong", ["attw", "--profile", "esm-only", "--no-color"]],
  ])("%s finds nothing wrong", (_, command) => {
    const { status, stdout, stderr } = spawnSync("npx", [...command, tarball], { encoding: "utf8" });
    expect(status, stdout + stderr).toBe(0);
  });
});

describe.skipIf(noChromium)(
  `in a Vite project without a configuration${noChromium && ` (skipped: ${noChromium})`}`,
  () => {
    const folder = temporaryFolder();
    let context: BrowserContext;
    let installed: ReturnType<typeof spawnSync>;
    beforeAll(async () => {
      writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
      writeFileSync(join(folder, "index.html"), '<script type="module" src="/main.ts"></script>');
      writeFileSync(join(folder, "main.ts"), program);
      const packages = [
        tarball,
        ...["vite", "typescript", "onnxruntime-web"].map((name) => `${name}@${devDependencies[name]}`),
        "vite7@npm:vite@7.3.8",
      ];
      const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
      installed = spawnSync("npm", ["install", ...packages, ...flags], { cwd: folder, encoding: "utf8" });
      // As --omit=optional leaves it out, which would leave out Vite's compiler too.
      spawnSync("rm", ["-rf", join(folder, "node_modules/onnxruntime-node")]);
      const made = [
        "--data",
        "examples/data/use-lite-resid0-pos3.safetensors",
        "--latent-dim",
        "32",
        "--k",
        "4",
        "--epochs",
        "1",
      ];
      const out = temporaryFolder();
      saeOnnx("train", ...made, "--out", out, "--quiet");
      execFileSync("mkdir", ["-p", join(folder, "public")]);
      copyFileSync(join(out, "sae_d32_k4.encoder.onnx"), join(folder, "public/encoder.onnx"));
      context = await startChromium();
    }, 120_000);
    afterAll(() => context?.close());

    async function resultAt(url: string): Promise<unknown> {
      const page = await context.newPage();
      await page.goto(url);
      await page.waitForFunction(() => document.title !== "", undefined, { timeout: 60_000 });
      const title = await page.title();
      await page.close();
      return JSON.parse(title);
    }

    const expected = { losses: 2, falls: true, explained: true, latents: "1,32", figure: "<svg", provider: "wasm" };

    test("types fit, vite build works, and train, evaluate and loadEncoder run from a plain server", async ({
      skip,
    }) => {
      if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(String(installed.stderr)))
        skip("the npm registry cannot be reached");
      expect(installed.status, String(installed.stderr)).toBe(0);
      expect(existsSync(join(folder, "node_modules/onnxruntime-node"))).toBe(false);
      const run = (...command: string[]) => spawnSync("npx", command, { cwd: folder, encoding: "utf8" });
      const types =
        "tsc --noEmit --strict --skipLibCheck --target es2022 --lib es2023,dom --module esnext --moduleResolution bundler --customConditions browser main.ts";
      const checked = run(...types.split(" "));
      expect(checked.stdout).toBe("");
      const built = run("vite", "build", "--logLevel", "warn");
      expect(built.status, built.stderr).toBe(0);
      const plain = await servePlainly(join(folder, "dist"));
      try {
        expect(await resultAt(plain.url)).toMatchObject(expected);
      } finally {
        plain.process.kill();
      }
    }, 120_000);

    test.each(["vite", "vite7"])(
      "the same from the development server of %s",
      async (vite) => {
        const start = [`node_modules/${vite}/bin/vite.js`, "--port", "5199", "--strictPort", "--host", "127.0.0.1"];
        rmSync(join(folder, "node_modules/.vite"), { recursive: true, force: true });
        const server = spawn("node", start, { cwd: folder });
        try {
          await new Promise<void>((resolve) =>
            server.stdout.on("data", (text) => /Local/.test(String(text)) && resolve()),
          );
          expect(await resultAt("http://127.0.0.1:5199/")).toMatchObject(expected);
        } finally {
          server.kill();
          await once(server, "exit");
        }
      },
      90_000,
    );

    test("serve takes the .wasm files from onnxruntime-web, and says so where it is not installed", async () => {
      const flags = ["sae-onnx", "serve", "--models", "public", "--port", "0"];
      const server = spawn("npx", flags, { cwd: folder, detached: true });
      try {
        const [first] = (await once(server.stdout, "data")) as [Buffer];
        const answer = await fetch(`${String(first).trim()}/assets/ort-wasm-simd-threaded.wasm`);
        expect(WebAssembly.validate(await answer.arrayBuffer())).toBe(true);
      } finally {
        process.kill(-server.pid!);
      }
      renameSync(join(folder, "node_modules/onnxruntime-web"), join(folder, "node_modules/elsewhere"));
      const { status, stderr } = spawnSync("npx", flags, { cwd: folder, encoding: "utf8" });
      expect(stderr.trim()).toBe(
        "error: the page computes with the package onnxruntime-web, which is not installed; npm install onnxruntime-web",
      );
      expect(status).toBe(1);
    });
  },
);

const program = `
import { drawFigure, evaluate, freeze, loadEncoder, tensor, train, trainConfig } from "sae-onnx";

async function run() {
  const rows = tensor("float32", [64, 8], Float32Array.from({ length: 512 }, (_, i) => Math.sin(i * i)));
  const config = trainConfig({ inputDim: 8, latentDim: 16, options: { k: 3 }, epochs: 2, batchSize: 16 });
  const epochs: number[] = [];
  const { state, epochsDone, loss, provider } = await train(config, rows, { onEpoch: ({ loss }) => epochs.push(loss) });
  const checkpoint = { config, tensors: state, epochsDone, loss, dataDigest: "", layer: null, position: null, metrics: {} };
  const { metrics } = await evaluate(freeze(checkpoint, "autoencoder"), { train: rows, validation: rows }, { provider: "wasm" });
  const encoder = await loadEncoder(new URL("/encoder.onnx", location.href), { provider: "wasm" });
  const { latents } = await encoder.encode(tensor("float32", [1, 512], new Float32Array(512).fill(0.1)));
  await encoder.release();
  const figure = (await drawFigure({ data: { values: [{ a: 1 }] }, mark: "point", encoding: { x: { field: "a", type: "quantitative" } } })).slice(0, 4);
  return { losses: epochs.length, falls: loss[1]! < loss[0]!, explained: metrics.explained_variance! < 1, latents: latents!.dims.join(), figure, provider };
}
run().then((result) => { document.title = JSON.stringify(result); }, (error) => { document.title = JSON.stringify({ error: String(error) }); });
`;
