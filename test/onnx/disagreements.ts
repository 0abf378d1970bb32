import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasKernel, type KernelProvider } from "../../src/onnx/kernels.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { probes } from "./probe.ts";

/** Vulkan on the processor, which Debian's chromium brings. */
export const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Opens each one-node model, and gives where the provider and the table do not agree. */
export async function disagreements(provider: KernelProvider): Promise<string[]> {
  if (provider === "webgpu") {
    process.env.VK_ICD_FILENAMES ??= swiftShader;
    process.env.XDG_RUNTIME_DIR ??= mkdtempSync(join(tmpdir(), "sae-onnx-"));
  }
  const ort = provider === "wasm" ? await import("onnxruntime-web") : await import("onnxruntime-node");
  const wrong: string[] = [];
  for (const { op, signature, model } of probes()) {
    const opened = await ort.InferenceSession.create(encodeModel(model), {
      executionProviders: [provider],
      graphOptimizationLevel: "disabled",
      logSeverityLevel: 4,
      ...(provider === "webgpu" ? { extra: { session: { disable_cpu_ep_fallback: "1" } } } : {}),
    }).then(
      async (session) => {
        await session.release();
        return true;
      },
      () => false,
    );
    if (opened !== hasKernel(provider, op, signature))
      wrong.push(`${op} ${signature}: ${opened ? "opens" : "refused"}`);
  }
  return wrong;
}
