import { lastWords, type Probe, probe } from "./probe.node.ts";
import type { Usable } from "./usable.ts";

/** Makes the Vulkan loader say which device it opens; ONNX Runtime and Dawn do not. */
const askLoader = { VK_LOADER_DEBUG: "driver,layer" };
const loadersWords = /^(\[Vulkan Loader\] )?(ERROR|WARNING|INFO|DEBUG|PERF|DRIVER|LAYER)\b[ |A-Z]*:/;

/**
 * Whether WebGPU can be used in Node: it needs a Vulkan loader, and an adapter that ONNX Runtime accepts. The answer names the
 * device, where the loader does.
 */
export async function webgpuUsable(
  tryOut: () => Promise<Probe> = () => probe("webgpu", { env: askLoader }),
): Promise<Usable> {
  const tried = await tryOut();
  if (!tried.ok) return whyNot({ ...tried, log: withoutLoader(tried.log) });
  const opened = [...(tried.log ?? "").matchAll(/Using "([^"]+)" with driver:/g)].at(-1);
  return { usable: true, device: opened?.[1] };
}

const withoutLoader = (log: string): string =>
  log
    .split("\n")
    .filter((line) => !loadersWords.test(line))
    .join("\n");

function whyNot(tried: Probe & { readonly ok: false }): Usable {
  const all = `${tried.log}\n${tried.error}`;
  if (/libvulkan/i.test(all) && /cannot open|couldn't|not found|dlopen/i.test(all))
    return {
      usable: false,
      reason: "there is no Vulkan loader (libvulkan.so.1)",
      fix: "install it: sudo apt-get install libvulkan1",
    };
  if (/adapter/i.test(all))
    return {
      usable: false,
      reason: "no GPU adapter was found",
      fix: "install your GPU's Vulkan driver (vulkaninfo --summary lists it); without a GPU, Chromium's SwiftShader will do: VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json",
    };
  return {
    usable: false,
    reason: `ONNX Runtime cannot start it (${lastWords(tried)})`,
    fix: "see that a Vulkan driver is installed (vulkaninfo --summary)",
  };
}
