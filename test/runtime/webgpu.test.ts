import { afterEach, describe, expect, test, vi } from "vitest";
import { webgpuUsable } from "../../src/runtime/webgpu.node.ts";
import { saeOnnx, snapshot, temporaryFolder } from "../cli/run.ts";

const asked = (log: string, error?: string) =>
  webgpuUsable(async () => (error === undefined ? { ok: true, log } : { ok: false, log, error }));

/** As Vulkan loaders of two ages write it. */
const opened = (device: string, prefix = "") =>
  `${prefix}DRIVER | LAYER:      <Device>\n${prefix}DRIVER | LAYER:          Using "${device}" with driver: "/usr/lib/x.so"\n`;

describe("the device of WebGPU is the one the Vulkan loader opens", () => {
  test.each([
    ["one", opened("SwiftShader Device (Subzero)"), "SwiftShader Device (Subzero)"],
    ["with a newer loader", opened("NVIDIA H100", "[Vulkan Loader] "), "NVIDIA H100"],
    ["the last of two", `${opened("Intel")}INFO: ...\n${opened("NVIDIA H100")}`, "NVIDIA H100"],
    ["none, of a loader that does not say", "DRIVER: Found ICD manifest file x.json\n", undefined],
  ])("%s", async (_, log, device) => expect(await asked(log)).toEqual({ usable: true, device }));
});

const noAdapter =
  "/x/webgpu_context.cc:136 Initialize was false. Failed to get a WebGPU adapter: No supported adapters";
const noLoader = "Warning: Couldn't load Vulkan. Searched libvulkan.so.1: cannot open shared object file";

describe("what WebGPU lacks is named, with what mends it", () => {
  test.each([
    ["no loader", noLoader, noAdapter, /^there is no Vulkan loader/, /apt-get install libvulkan1/],
    ["no adapter", "", noAdapter, /^no GPU adapter was found$/, /Vulkan driver.*SwiftShader/],
    [
      "no adapter, and a loader that says much",
      "[Vulkan Loader] DEBUG | DRIVER: libvulkan_lvp.so not found\nERROR | DRIVER: vkCreateInstance: Found no drivers! libvulkan.so.1\nLAYER: not found",
      noAdapter,
      /^no GPU adapter was found$/,
      /vulkaninfo/,
    ],
    [
      "anything else",
      "E the moon is full: error 5",
      "out of memory",
      /cannot start it \(E the moon is full/,
      /vulkaninfo/,
    ],
  ])("%s", async (_, log, error, reason, fix) => {
    const found = await asked(log, error);
    expect(found).toMatchObject({ usable: false });
    if (found.usable) return;
    expect(found.reason).toMatch(reason);
    expect(found.fix).toMatch(fix);
    expect(`${found.reason}${found.fix}`).not.toContain("\n");
  });
});

afterEach(() => vi.unstubAllEnvs());

test("asking for webgpu where there is no adapter: one line, exit code 1, nothing written", () => {
  vi.stubEnv("VK_ICD_FILENAMES", "/no/driver.json");
  const folder = temporaryFolder();
  const flags = ["--provider", "webgpu", "--latent-dim", "64", "--k", "4", "--out", folder];
  const { status, stdout, stderr } = saeOnnx("train", "--data", "no-such-file.npy", ...flags);
  expect(stderr).toMatch(
    /^error: provider webgpu: (no GPU adapter was found|there is no Vulkan loader)[^\n]*; [^\n]+\n$/,
  );
  expect([status, stdout, snapshot(folder)]).toEqual([1, "", {}]);
});
