import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { webgpuUsable } from "../../src/runtime/webgpu.node.ts";

const driver = "/usr/lib/chromium/vk_swiftshader_icd.json";

// Without a GPU, Vulkan runs on the CPU: Debian's chromium package brings SwiftShader.
if (existsSync(driver)) process.env.VK_ICD_FILENAMES ??= driver;
process.env.XDG_RUNTIME_DIR ??= tmpdir();

const found = await webgpuUsable();

/** Whether there is WebGPU to test with, and why not. */
export const webgpuHere = {
  there: found.usable,
  why: found.usable ? "" : ` (skipped: ${found.reason}; apt-get install chromium libvulkan1)`,
};
