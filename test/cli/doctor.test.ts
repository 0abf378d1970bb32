import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { cudaDevice, gpuAdapters } from "../../src/cli/doctor/adapters.ts";
import { installCuda } from "../../src/cli/doctor/installCuda.ts";
import { tryProvider } from "../../src/cli/doctor/tryProvider.ts";
import { saeOnnx, temporaryFolder } from "./run.ts";

const script = (text: string) => {
  const file = join(temporaryFolder(), "script.cjs");
  writeFileSync(file, text);
  return file;
};

test("doctor --json says of every provider whether it works, and JSON alone is on stdout", () => {
  const { status, stdout } = saeOnnx("doctor", "--json");
  const { providers, versions } = JSON.parse(stdout);
  expect(status).toBe(0);
  expect(versions["onnxruntime-node"]).toBe("1.30.0");
  expect(providers.map((one: { provider: string }) => one.provider)).toEqual(["cpu", "cuda", "webgpu", "wasm"]);
  for (const name of ["cpu", "wasm"])
    expect(providers.find((one: { provider: string }) => one.provider === name)).toMatchObject({
      usable: true,
      why: expect.stringMatching(/^one training step, loss \d/),
    });
  for (const { why } of providers) expect(why).not.toBe("");
});

test("CUDA's device is the first that CUDA_VISIBLE_DEVICES shows", () => {
  const nvidiaSmi = () => "NVIDIA H100, 580.1, 81559 MiB\nNVIDIA A100, 580.1, 40960 MiB\n";
  const of = (visible?: string) => cudaDevice({ env: { CUDA_VISIBLE_DEVICES: visible }, nvidiaSmi });
  expect(of()).toMatch("H100");
  expect(of("1")).toMatch("A100");
  expect(of("0,1")).toMatch("H100");
  expect(of("2")).toBeUndefined();
});

test("GPU adapters: NVIDIA's by name, Vulkan's drivers by file, or none", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "radeon_icd.x86_64.json"), "{}");
  writeFileSync(join(folder, "README"), "");
  const none = () => {
    throw new Error("ENOENT");
  };
  const ask = { env: {}, folders: [folder, join(folder, "not-there")], nvidiaSmi: none };
  expect(gpuAdapters({ ...ask, folders: [] })).toEqual([]);
  expect(gpuAdapters(ask)).toEqual(["Vulkan driver radeon_icd.x86_64"]);
  expect(gpuAdapters({ ...ask, nvidiaSmi: () => "NVIDIA H100, 580.1, 81559 MiB\n" })).toEqual([
    "NVIDIA H100, 580.1, 81559 MiB",
    "Vulkan driver radeon_icd.x86_64",
  ]);
  const named = join(folder, "mine.json");
  writeFileSync(named, "{}");
  expect(gpuAdapters({ ...ask, folders: [], env: { VK_ICD_FILENAMES: `${named}:/no/such.json` } })).toEqual([
    "Vulkan driver mine",
  ]);
});

test("a time that is none is refused", () => {
  for (const seconds of ["0", "-1", "abc"])
    expect(saeOnnx("doctor", "--timeout", seconds).stderr).toMatch(
      /^error: --timeout must be an integer of at least 1, got .*\n$/,
    );
});

test("a provider that crashes, hangs or throws ends nothing", async () => {
  const child = (text: string) => ({ child: pathToFileURL(script(text)) });
  expect((await tryProvider("a", child("process.abort()"))).why).toMatch(/SIGABRT|abort/i);
  expect(await tryProvider("a", { ...child("setInterval(() => {}, 1000)"), seconds: 1 })).toEqual({
    provider: "a",
    usable: false,
    why: "no answer in 1 seconds",
    device: null,
  });
  const missing =
    "Failed to load library /x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open";
  expect((await tryProvider("a", child(`console.error(${JSON.stringify(missing)}); process.exit(1)`))).why).toBe(
    "libcublasLt.so.13: cannot open",
  );
});

test("--install-cuda runs the installer when told to, and says in one line why it failed", async () => {
  const yes = async () => true;
  await installCuda({
    confirm: yes,
    script: script("process.exit(process.argv[2] === '--onnxruntime-node-install=cuda12' ? 0 : 1)"),
  });
  await expect(
    installCuda({ confirm: yes, script: script("throw new Error('getaddrinfo ENOTFOUND')") }),
  ).rejects.toThrow(
    /^doctor: the installer of onnxruntime-node 1.30.0 failed: Error: getaddrinfo ENOTFOUND; does this machine reach the internet\?$/,
  );
  await expect(installCuda({ confirm: async () => false, script: script("process.exit(9)") })).rejects.toThrow(
    "nothing was installed",
  );
  expect(saeOnnx("doctor", "--install-cuda").status).toBe(1);
});
