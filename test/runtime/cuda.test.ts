import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cudaUsable, type Machine, notFound } from "../../src/runtime/cuda.node.ts";
import { lastWords, probe } from "../../src/runtime/probe.node.ts";
import { saeOnnx, snapshot, temporaryFolder } from "../cli/run.ts";

/** A folder that holds these libraries, empty. */
function folderOf(...names: string[]): string {
  const folder = temporaryFolder();
  for (const name of names) writeFileSync(join(folder, name), "");
  return folder;
}
const both = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];
const complete: Machine = {
  platform: "linux-x64",
  folder: folderOf(...both),
  ldd: async () => "\tlibcudart.so.13 => /usr/local/cuda/lib64/libcudart.so.13 (0x00007f)\n",
  tryOut: async () => ({ ok: true }),
};
const lost = (...names: string[]) => ({ ldd: async () => names.map((name) => `\t${name} => not found\n`).join("") });
const says = (log: string) => ({
  tryOut: async () => ({ ok: false, error: "Failed to load shared library", log }) as const,
});

const cases: [string, Machine, RegExp, RegExp][] = [
  ["another platform", { platform: "darwin-arm64" }, /for Linux on x64, this is darwin-arm64/, /--provider cpu/],
  [
    "no library",
    { folder: folderOf() },
    /not installed \(.*shared\.so, .*cuda\.so\)/,
    /sae-onnx doctor --install-cuda/,
  ],
  ["one library of two", { folder: folderOf(both[0]!) }, /not installed \([^,]*cuda\.so\)/, /--install-cuda/],
  ["no driver", lost("libcuda.so.1"), /NVIDIA's driver is not there \(ldd finds no libcuda\.so\.1\)/, /nvidia-open/],
  [
    "no CUDA 13",
    lost("libcublasLt.so.13", "libcurand.so.10"),
    /CUDA 13 .*libcublasLt\.so\.13, libcurand/,
    /cuda-libraries-13/,
  ],
  ["no CUDA 12", lost("libcudart.so.12"), /CUDA 12 is not there/, /cuda-libraries-12/],
  [
    "neither driver nor CUDA 13",
    lost("libcublas.so.13", "libcuda.so.1", "libcudart.so.13"),
    /^CUDA 13 and NVIDIA's driver are not there \(ldd finds no libcublas\.so\.13, libcuda/,
    /cuda-libraries-13-0; install the driver.*nvidia-open \(from NVIDIA's repository/,
  ],
  ["no cuDNN", lost("libcudnn.so.9"), /cuDNN 9 is not there/, /libcudnn9-cuda-13/],
  [
    "an old driver",
    says("E CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version"),
    /too old/,
    /580/,
  ],
  [
    "no device",
    says("CUDA failure 100: no CUDA-capable device is detected"),
    /no GPU is visible/,
    /CUDA_VISIBLE_DEVICES/,
  ],
  ["a wrong device", says("CUDA failure 101: invalid device ordinal"), /no such device/, /nvidia-smi/],
  [
    "a library cut short",
    says("Failed to load library x.so with error: x.so: file too short"),
    /damaged.*file too short/,
    /install it again: sae-onnx doctor --install-cuda/,
  ],
  [
    "anything else",
    says("[E:onnxruntime:, x.cc:1] error: the moon is full"),
    /cannot start it \(.*the moon is full/,
    /nvidia-smi/,
  ],
];

describe("what CUDA lacks is named, with what mends it", () => {
  test.each(cases)("%s", async (_, change, reason, fix) => {
    const found = await cudaUsable({ ...complete, ...change });
    expect(found).toMatchObject({ usable: false });
    if (found.usable) return;
    expect(found.reason).toMatch(reason);
    expect(found.fix).toMatch(fix);
    expect(`${found.reason}${found.fix}`).not.toContain("\n");
  });

  test("nothing", async () => {
    expect(await cudaUsable(complete)).toEqual({ usable: true });
  });
});

test("ldd's output", () => {
  const printed = "\tlinux-vdso.so.1 (0x0)\n\tlibcublas.so.13 => not found\n\tlibm.so.6 => /lib/libm.so.6 (0x1)\n";
  expect(notFound(printed)).toEqual(["libcublas.so.13"]);
});

test("a provider that cannot be loaded is tried in another process, which tells ONNX Runtime's own words", async () => {
  const tried = await probe("cuda");
  expect(tried.ok).toBe(false);
  if (!tried.ok)
    expect(lastWords(tried)).toMatch(
      /^Failed to load library .*libonnxruntime_providers_shared\.so.*cannot open shared object file/,
    );
});

test("asking for cuda where it is not: one line, exit code 1, under 2 s, nothing written", () => {
  const folder = temporaryFolder();
  const started = performance.now();
  const flags = ["--provider", "cuda", "--latent-dim", "64", "--k", "4", "--out", folder];
  const { status, stdout, stderr } = saeOnnx("train", "--data", "no-such-file.npy", ...flags);
  expect(stderr).toMatch(
    /^error: provider cuda: .*libonnxruntime_providers_cuda\.so.*; install it: sae-onnx doctor --install-cuda\n$/,
  );
  expect([status, stdout, snapshot(folder)]).toEqual([1, "", {}]);
  expect(performance.now() - started).toBeLessThan(2000);
});
