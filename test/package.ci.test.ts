import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verbs } from "../src/cli/commands/index.ts";
import { architectures } from "../src/sae/index.ts";
import { temporaryFolder } from "./cli/run.ts";
import { freshClone, noRegistry } from "./freshClone.ts";
import { noChromium, startChromium } from "./report/chromium.ts";

const { version, devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));

/** The package as `npm pack` makes it in a fresh clone, and an empty project that has installed it. */
const project = temporaryFolder();
let packed: ReturnType<typeof spawnSync>;
let installed: ReturnType<typeof spawnSync>;

const run = (...[file, ...args]: [string, ...string[]]) => spawnSync(file, args, { cwd: project, encoding: "utf8" });

beforeAll(() => {
  const flags = ["pack", "--json", "--pack-destination", project];
  packed = spawnSync("npm", flags, { cwd: freshClone(), encoding: "utf8" });
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }');
  const packages = [`./sae-onnx-${version}.tgz`, `onnxruntime-web@${devDependencies["onnxruntime-web"]}`];
  const quickly = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  installed = run("npm", "install", ...packages, ...quickly);
}, 300_000);

function needsInstall(skip: (reason: string) => void): void {
  const reason = noRegistry(String(installed.stderr));
  if (reason !== undefined) skip(reason);
}

/** A call of every verb on what the ones before it made, and a file it writes or a word it prints. */
const calls: Record<string, { readonly args: string; readonly gives: string | RegExp }> = {
  synth: {
    args: "--out acts.safetensors --rows 600 --input-dim 16 --features 32 --mean-active 3",
    gives: "acts.safetensors",
  },
  "build-graph": {
    args: "--input-dim 16 --latent-dim 32 --k 3 --out graphs",
    gives: "graphs/topk_report_d32_k3.onnx",
  },
  train: {
    args: "--data acts.safetensors --latent-dim 32 --k 3 --epochs 2 --out models",
    gives: "models/sae_d32_k3.encoder.onnx",
  },
  sweep: { args: "sweep.yaml --out sweep", gives: "sweep/all/sae.metrics.json" },
  bundle: { args: "--out bundle.tar.gz", gives: "bundle.tar.gz" },
  eval: {
    args: "models/sae_d32_k3.autoencoder.onnx --data acts.safetensors --provider wasm --out eval.json",
    gives: "eval.json",
  },
  probe: {
    args: "models/sae_d32_k3.autoencoder.onnx --data acts.safetensors --label split --folds 3 --out probe.json",
    gives: "probe.json",
  },
  features: { args: "models/sae_d32_k3.autoencoder.onnx --data acts.safetensors", gives: "features/index.html" },
  report: { args: "models/sae.metrics.json --out reports", gives: "reports/index.html" },
  export: {
    args: "models/sae_d32_k3.safetensors --format saelens --out saelens",
    gives: "saelens/sae_d32_k3.saelens/cfg.json",
  },
  import: { args: "saelens/sae_d32_k3.saelens --out imported --name again", gives: "imported/again.encoder.onnx" },
  verify: { args: "models/sae_d32_k3.encoder.onnx", gives: /wasm/ },
  conformance: { args: "--out kit", gives: "kit/run.py" },
  attach: {
    args: "--model host.onnx --tensor hidden --encoder models/sae_d32_k3.encoder.onnx --out attached.onnx",
    gives: "attached.onnx",
  },
  effect: {
    args: "models/sae_d32_k3.autoencoder.onnx --model lm.onnx --at hidden --text ids.jsonl --out effect.json",
    gives: "effect.json",
  },
  harvest: { args: "--model host.onnx --list", gives: /^name +width +value +module/ },
  inspect: { args: "attached.onnx", gives: /sae_latents/ },
  doctor: { args: "--timeout 20", gives: /cpu/ },
  parity: { args: "--steps 2", gives: /loop/ },
  serve: { args: "--out site", gives: "site/index.html" },
};

/** A model with an activation of width 16 inside, made with the library that was installed. */
const host = `
import { writeFileSync } from "node:fs";
import { architectures, buildModel, encodeModel, input, op, tensor } from "sae-onnx";
const x = input("float32", ["batch", 16]);
const hidden = op.relu(x);
writeFileSync("sweep.yaml", "data: acts.safetensors\\noptions: { latent_dim: 32, k: 3, epochs: 2 }\\narchitectures: [{ seed: [0, 1] }]\\n");
writeFileSync("host.onnx", encodeModel(buildModel({ inputs: { x }, outputs: { hidden, y: op.add(hidden, 1) } })));
const ids = input("int64", ["batch", "sequence"]);
const inside = op.gather(op.constant(tensor("float32", [9, 16], Float32Array.from({ length: 144 }, (_, i) => Math.sin(i)))), ids);
const logits = op.matMul(inside, op.constant(tensor("float32", [16, 9], new Float32Array(144).fill(0.1))));
const lm = buildModel({ inputs: { input_ids: ids }, outputs: { logits }, values: { hidden: inside } });
writeFileSync("lm.onnx", encodeModel(lm));
writeFileSync("ids.jsonl", '{"input_ids":[1,2,3]}');
console.log(Object.keys(architectures).join());
`;

describe("the package that npm pack makes in a fresh clone", () => {
  test("holds all that is built, and no tests or data", () => {
    expect(packed.status, String(packed.stderr)).toBe(0);
    const [{ files }] = JSON.parse(String(packed.stdout)) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    for (const built of ["cli/main.js", "worker/wasm.js", "web/index.html", "single/sae-onnx.js"])
      expect(paths).toContain(`dist/${built}`);
    expect(paths.filter((path) => !/^(dist|src)\/|^(package.json|README.md|LICENSE)$/.test(path))).toEqual([]);
  });

  test("installs into an empty folder, and its library and command line are of this version", ({ skip }) => {
    needsInstall(skip);
    expect(installed.status, String(installed.stderr)).toBe(0);
    expect(run("npx", "sae-onnx", "--version").stdout.trim()).toBe(version);
    const { stdout, stderr } = run("node", "--input-type=module", "-e", host);
    expect(stdout.trim(), stderr).toBe(Object.keys(architectures).join());
  });

  test("every verb is called below", () => expect(Object.keys(calls).sort()).toEqual(Object.keys(verbs).sort()));

  test.for(Object.entries(calls))(
    "sae-onnx %s works where it is installed",
    { timeout: 120_000 },
    ([verb, { args, gives }], { skip }) => {
      needsInstall(skip);
      const { status, stdout, stderr } = run("npx", "sae-onnx", verb, ...args.split(" "));
      expect(status, stderr).toBe(0);
      if (typeof gives === "string") expect(existsSync(join(project, gives)), `${verb} writes ${gives}`).toBe(true);
      else expect(stdout).toMatch(gives);
    },
  );
});

describe("the page of the installed package", () => {
  let server: ChildProcess;
  let url = "";
  beforeAll(async () => {
    if (noRegistry(String(installed.stderr))) return;
    const args = ["sae-onnx", "serve", "--models", "models", "--data", "acts.safetensors", "--port", "0"];
    server = spawn("npx", args, { cwd: project, detached: true });
    const [first] = (await once(server.stdout!, "data")) as [Buffer];
    url = String(first).trim();
  });
  afterAll(() => {
    if (server) process.kill(-server.pid!);
  });

  test("serve answers with it and all it is made of", async ({ skip }) => {
    needsInstall(skip);
    const page = await (await fetch(url)).text();
    const assets = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => path!);
    expect(assets.some((path) => path.endsWith(".js"))).toBe(true);
    for (const path of [...assets, "catalog.json", "assets/ort-wasm-simd-threaded.wasm"])
      expect((await fetch(`${url}/${path}`)).status, path).toBe(200);
  });

  test.skipIf(noChromium)(
    `it measures a model in Chromium${noChromium && ` (skipped: ${noChromium})`}`,
    async ({ skip }) => {
      needsInstall(skip);
      const context = await startChromium();
      try {
        const page = await context.newPage();
        await page.goto(url);
        await page.locator("#evaluate-models input").first().waitFor({ state: "attached" });
        await page.click("#tab-evaluate");
        await page.click("#evaluate-run");
        await page.locator("#evaluate-said").filter({ hasText: "measured on" }).waitFor();
        expect(await page.locator("#evaluate-result").getAttribute("data-rows")).toContain("sae_d32_k3");
      } finally {
        await context.close();
      }
    },
  );
});
