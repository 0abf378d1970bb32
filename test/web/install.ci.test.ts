import { type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../cli/run.ts";
import { noRegistry } from "../freshClone.ts";
import { noChromium, startChromium } from "../report/chromium.ts";
import { serveFolder } from "./staticServer.ts";

const quiet: ExecFileSyncOptionsWithStringEncoding = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
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

/** A project of each bundler, with the package installed as it is packed: a copy of examples/bundlers. */
const folder = temporaryFolder();
let installed: ReturnType<typeof spawnSync>;
const run = (...[file, ...args]: [string, ...string[]]) => spawnSync(file, args, { cwd: folder, encoding: "utf8" });
const needsInstall = (skip: (reason: string) => void): void => {
  const reason = noRegistry(String(installed.stderr));
  if (reason !== undefined) skip(reason);
};

describe.skipIf(noChromium)(`a page of a fresh project${noChromium && ` (skipped: ${noChromium})`}`, () => {
  let context: BrowserContext;
  beforeAll(async () => {
    cpSync("examples/bundlers", folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
    const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
    installed = run("npm", "ci", ...flags);
    if (installed.status === 0) installed = run("npm", "install", "--no-save", tarball, ...flags);
    context = await startChromium();
  }, 300_000);
  afterAll(() => context?.close());

  /** What the page at an address shows in the end. */
  async function shownAt(url: string): Promise<Record<string, unknown>> {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction(() => document.title.startsWith("{"), undefined, { timeout: 90_000 });
    const shown = JSON.parse(await page.title());
    await page.close();
    return shown;
  }

  async function shownFrom(root: string, isolated = false) {
    const served = await serveFolder(join(folder, root), isolated);
    try {
      return await shownAt(`${served.url}/index.html`);
    } finally {
      served.close();
    }
  }

  const expected = {
    loss: [expect.closeTo(0.7288, 3), expect.closeTo(0.7149, 3)],
    explained: expect.closeTo(-0.402, 2),
    latents: [1, 16],
    provider: "wasm",
  };
  const bundlers = [
    { name: "vite", build: "npx vite build vite --logLevel warn", root: "vite/dist" },
    { name: "webpack", build: "node webpack/build.js development", root: "webpack" },
    { name: "esbuild", build: "node esbuild/build.js", root: "esbuild" },
    { name: "script-tag", build: "node script-tag/build.js", root: "script-tag" },
  ];

  test.for(bundlers)(
    "$name builds it, and it trains, measures and encodes, with one thread and with more",
    { timeout: 300_000 },
    async ({ build, root }, { skip }) => {
      needsInstall(skip);
      expect(installed.status, String(installed.stderr)).toBe(0);
      const [file, ...args] = build.split(" ") as [string, ...string[]];
      const built = run(file, ...args);
      expect(built.status, built.stdout + built.stderr).toBe(0);
      for (const isolated of [false, true]) expect(await shownFrom(root, isolated)).toMatchObject(expected);
    },
  );

  test("Next builds it, with its server's side", { timeout: 300_000 }, async ({ skip }) => {
    needsInstall(skip);
    const built = run("npx", "next", "build", "next");
    expect(built.status, built.stdout + built.stderr).toBe(0);
    await whileServed("node_modules/next/dist/bin/next start next -p 5198", /Ready/, 5198);
  });

  test.for(["vite", "vite7"])("the development server of %s gives it", { timeout: 120_000 }, async (vite, { skip }) => {
    needsInstall(skip);
    rmSync(join(folder, "node_modules/.vite"), { recursive: true, force: true });
    await whileServed(`node_modules/${vite}/bin/vite.js vite --port 5199 --strictPort --host 127.0.0.1`, /Local/, 5199);
  });

  async function whileServed(command: string, ready: RegExp, port: number): Promise<void> {
    const server = spawn("node", command.split(" "), { cwd: folder });
    try {
      await new Promise<void>((resolve) => server.stdout.on("data", (text) => ready.test(String(text)) && resolve()));
      expect(await shownAt(`http://127.0.0.1:${port}/`)).toMatchObject(expected);
    } finally {
      server.kill();
      await once(server, "exit");
    }
  }

  test("README's lines compile in a Vite project, which has no types of Node", ({ skip }) => {
    needsInstall(skip);
    const blocks = [...readFileSync("README.md", "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block!);
    const ours = blocks.filter((block) => block.includes('from "sae-onnx"'));
    expect(ours.length).toBeGreaterThan(0);
    const given = ["rows", "validation"].map((x) => `declare const ${x}: import("sae-onnx").HostTensor<"float32">;\n`);
    for (const [i, block] of ours.entries())
      writeFileSync(join(folder, `vite/readme${i}.ts`), `${given.join("")}${block}export {};\n`);
    const wrong = 'import { evaluate } from "sae-onnx";\nvoid evaluate(1);\n';
    expect(run("npx", "tsc", "-p", "vite").stdout).toBe("");
    writeFileSync(join(folder, "vite/wrong.ts"), wrong);
    expect(run("npx", "tsc", "-p", "vite").stdout).toContain("wrong.ts");
  });

  test("esbuild alone: the first call says which worker's file is missing and where", { timeout: 120_000 }, async ({
    skip,
  }) => {
    needsInstall(skip);
    const dist = (name: string) => join(folder, "esbuild/dist", name);
    mkdirSync(dist("elsewhere"), { recursive: true });
    for (const name of ["wasm.js", "webgpu.js"]) renameSync(dist(name), dist(`elsewhere/${name}`));
    expect(String((await shownFrom("esbuild")).error)).toMatch(
      /^RuntimeFailure: the worker's file wasm\.js \(sae-onnx\/dist\/worker\/wasm\.js\) is not at http:\/\/127\.0\.0\.1:\d+\/dist\/wasm\.js: the server answers 404; put it there, or say where it is with the option workerPath or startWorker$/,
    );
    const bundle = (options: string) => {
      const page = `import { run } from "../page.js";\nimport { show } from "../show.js";\nshow(run(${options}));\n`;
      writeFileSync(join(folder, "esbuild/other.js"), page);
      const flags = ["--bundle", "--format=esm", "--outfile=esbuild/dist/main.js"];
      expect(run("npx", "esbuild", "esbuild/other.js", ...flags).status).toBe(0);
      return shownFrom("esbuild");
    };
    // The workers look for ONNX Runtime's files beside themselves, where there are none.
    expect(String((await bundle('{ workerPath: "dist/elsewhere/" }')).error)).toMatch(
      /^ConfigError: ONNX Runtime's file ort-wasm-simd-threaded\.wasm is not at http:\/\/127\.0\.0\.1:\d+\/dist\/elsewhere\/ort-wasm-simd-threaded\.wasm: the server answers 404; it is in onnxruntime-web\/dist: put it there, or say where it is with the option wasmPath$/,
    );
    const wasmPath = 'wasmPath: "dist/"';
    expect(await bundle(`{ ${wasmPath}, workerPath: "dist/elsewhere/" }`)).toMatchObject(expected);
    const startWorker = 'startWorker: (name) => new Worker("dist/elsewhere/" + name + ".js", { type: "module" })';
    expect(await bundle(`{ ${wasmPath}, ${startWorker} }`)).toMatchObject(expected);
  });

  test("without onnxruntime-web the page of serve is refused in words", async ({ skip }) => {
    needsInstall(skip);
    const flags = ["sae-onnx", "serve", "--models", ".", "--port", "0"];
    renameSync(join(folder, "node_modules/onnxruntime-web"), join(folder, "node_modules/elsewhere"));
    const { status, stderr } = run("npx", ...flags);
    renameSync(join(folder, "node_modules/elsewhere"), join(folder, "node_modules/onnxruntime-web"));
    expect(stderr.trim()).toBe(
      "error: the page computes with the package onnxruntime-web, which is not installed; npm install onnxruntime-web",
    );
    expect(status).toBe(1);
  });
});
