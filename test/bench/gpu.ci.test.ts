import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../cli/run.ts";

const small = {
  ...{ INSTALL: "0", DIM: "32", ROWS: "400", LATENTS: "32,64", KS: "4", EPOCHS: "1", STEPS: "2", NEEDS_MB: "50" },
  PROVIDER: "cpu",
};
/** The script with results and work in a folder of their own. */
function gpu(env: Record<string, string> = {}, folder = temporaryFolder()) {
  const [OUT, WORK] = [join(folder, "gpu.json"), join(folder, "work")];
  const all = { ...process.env, ...small, OUT, WORK, ...env };
  return { ...spawnSync("bash", ["bench/gpu.sh"], { encoding: "utf8", env: all }), OUT, WORK, folder };
}
const mjs = (...args: string[]) => spawnSync("node", ["bench/gpu.mjs", ...args], { encoding: "utf8" });

test("gpu.sh runs to its end on the CPU, writes a row for each SAE, and leaves nothing else", () => {
  const { status, stderr, OUT, folder } = gpu();
  expect(stderr).toMatch(/2 SAEs, the slowest/);
  expect(status).toBe(0);
  const { provider, saes, doctor, parity, input_dim, epochs } = JSON.parse(readFileSync(OUT, "utf8"));
  expect([provider, input_dim, epochs]).toEqual(["cpu", 32, 1]);
  expect(parity.steps).toBe(2);
  expect(parity.rows[0]).toMatchObject({ provider: "cpu", step: "dense", wrapper: "loop", distance: { loss: 0 } });
  expect(doctor.versions["onnxruntime-node"]).toBe("1.30.0");
  expect(saes.map((one: { latent_dim: number }) => one.latent_dim)).toEqual([32, 64]);
  expect(readdirSync(folder)).toEqual(["gpu.json"]);
});

test("gpu.sh goes on where a failure left it", () => {
  // A k larger than the latents: training is refused, after parity and the stand-in.
  const failed = gpu({ KS: "40", LATENTS: "32" });
  expect(failed.status).not.toBe(0);
  expect(failed.stderr).toMatch(/error: .*k must be/);
  expect(existsSync(failed.OUT)).toBe(false);
  expect(readdirSync(failed.WORK)).toEqual(expect.arrayContaining(["parity.json", "stand-in.safetensors"]));

  const other = gpu({}, failed.folder);
  expect(other.stderr).toMatch(
    /^error: .*holds an unfinished run of other settings \(cpu 32 400 32 40 1 2\); remove it/m,
  );
  expect(other.status).toBe(1);

  // As if it had been interrupted there: what was done is taken over.
  writeFileSync(join(failed.WORK, "settings"), "cpu 32 400 32,64 4 1 2\n");
  const parity = { steps: 2, rows: [{ provider: "cpu", note: "of the run before" }] };
  writeFileSync(join(failed.WORK, "parity.json"), JSON.stringify(parity));
  expect(gpu({}, failed.folder).status).toBe(0);
  expect(JSON.parse(readFileSync(failed.OUT, "utf8")).parity).toEqual(parity);
  expect(readdirSync(failed.folder)).toEqual(["gpu.json"]);
});

test.each([
  ["a provider that does not work", { PROVIDER: "nothing" }, /^error: nothing is not usable here: unknown provider/m],
  ["too small a disk", { NEEDS_MB: "999999999" }, /^error: .* MB of disk left; 999999999 are needed/m],
  ["no Node", { PATH: "/nowhere" }, /Node is not installed|not found/],
])("gpu.sh stops before measuring anything: %s", (_, env, message) => {
  const { status, stderr, OUT } = gpu("PATH" in env ? { PATH: onlyShell() } : env);
  expect(stderr).toMatch(message);
  expect([status, existsSync(OUT)]).toEqual([1, false]);
});

/** A folder with the tools of a system that has no Node. */
function onlyShell(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "bin"));
  for (const tool of ["bash", "dirname", "cat", "mkdir"])
    spawnSync("ln", ["-s", `/bin/${tool}`, join(folder, "bin", tool)]);
  return join(folder, "bin");
}

const grid = [512, 1024, 2048].flatMap((latent_dim) =>
  [5, 10, 20, 100].map((k) => ({
    latent_dim,
    k,
    train_time_sec: latent_dim / 2000 + k / 1000,
    explained_variance: 0.7,
  })),
);
const distance = { loss: 1.2e-4, largestWeight: 0, weights: 1e-5 };
const fake = {
  ...{ provider: "cuda", card: "NVIDIA H100 80GB, 580.65, 81559 MiB", input_dim: 2048, epochs: 25, saes: grid },
  first_contact: { provider: "cuda", steps: 20, tf32: "on", bounds: { loss: 0.01, weights: 0.1 }, ...distance },
  parity: {
    steps: 50,
    rows: ["loop", "scan", "single"].map((wrapper) => ({
      ...{ provider: "cuda", step: "dense", wrapper },
      ...(wrapper === "loop" ? { distance: null, note: "failed: no memory" } : { distance, note: "" }),
    })),
  },
};
const fileOf = (value: unknown) => {
  const file = join(temporaryFolder(), "gpu.json");
  writeFileSync(file, JSON.stringify(value));
  return file;
};

const documents = ["README.md", "docs/providers.md"];
/** README and the page on providers in a folder of their own. */
function copies(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "docs"));
  for (const file of documents) writeFileSync(join(folder, file), readFileSync(file));
  return folder;
}
const texts = (folder: string) => documents.map((file) => readFileSync(join(folder, file), "utf8"));

test("README and docs have what gpu.json has", () => {
  const folder = copies();
  expect(mjs("docs", "bench/gpu.json", folder).status).toBe(0);
  expect(texts(folder)).toEqual(texts("."));
});

test("the table of a run, and README and docs with it", () => {
  expect(mjs("table", fileOf(fake)).stdout).toBe(`\
| NVIDIA H100 80GB, 580.65, 81559 MiB, seconds per SAE (explained variance), target on an H100: under 1 s: synthetic stand-in, 2,048 dims, 25 epochs | k 5 | k 10 | k 20 | k 100 |
|---|--:|--:|--:|--:|
| 512 latents | 0.26 (0.700) | 0.27 (0.700) | 0.28 (0.700) | 0.36 (0.700) |
| 1024 latents | 0.52 (0.700) | 0.52 (0.700) | 0.53 (0.700) | 0.61 (0.700) |
| 2048 latents | 1.03 (0.700) | 1.03 (0.700) | 1.04 (0.700) | 1.12 (0.700) |

First 20 steps against the CPU's, relative: loss 1.2e-4, weights 1.0e-5 (TF32 on; bounds 0.01 and 0.1).
`);
  const folder = copies();
  for (let n = 0; n < 2; n++) {
    expect(mjs("docs", fileOf(fake), folder).status).toBe(0);
    const [readme, providers] = texts(folder) as [string, string];
    expect(providers).toContain("| 2048 latents | 1.03 (0.700) |");
    expect(providers).toContain("| cuda | dense | failed: no memory | 1.2e-4 / 0 | 1.2e-4 / 0 |");
    expect(readme).toContain("| CUDA | `cuda` | yes, on NVIDIA H100 80GB, 580.65, 81559 MiB | yes |");
    for (const text of [readme, providers]) expect(text).not.toMatch(/never executed|CUDA never|cuda.*not measured/);
  }
  // And back, where there is no file.
  expect(mjs("docs", "no-such.json", folder).status).toBe(0);
  expect(texts(folder)).toEqual(texts("."));
});

test.each([
  ["README.md", "SwiftShader only."],
  ["docs/providers.md", "<!-- gpu.json -->"],
])("what is no result of CUDA is refused in one line, and %s is as it was", (file, place) => {
  const folder = copies();
  writeFileSync(join(folder, file), readFileSync(file, "utf8").replace(place, ""));
  const before = texts(folder);
  expect(mjs("docs", fileOf({ ...fake, provider: "cpu" }), folder).stderr).toMatch(
    /^error: .* is of provider cpu; .*\n$/,
  );
  expect(mjs("docs", fileOf(fake), folder).stderr).toMatch(/^error: \S+\.md has no place for CUDA's numbers: .*\n$/);
  expect(mjs("table", "README.md").stderr).toMatch(/^error: README\.md: .*\n$/);
  expect(mjs("tables").stderr).toBe("error: say one of require, parity, write, table, docs\n");
  expect(texts(folder)).toEqual(before);
});

test("a parity that ended in the middle is kept as that", () => {
  const [found, to] = [fileOf(0), join(temporaryFolder(), "parity.json")];
  writeFileSync(found, '{"steps": 50, "ro');
  expect(mjs("parity", found, to).status).toBe(0);
  expect(JSON.parse(readFileSync(to, "utf8"))).toMatchObject({ rows: [], failed: expect.stringMatching(/ended/) });
});
