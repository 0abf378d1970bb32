import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { opset } from "../../src/graph/opset.ts";
import { hasKernel, type KernelProvider, kernels } from "../../src/onnx/kernels.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { probes } from "./probe.ts";

const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Opens each one-node model, and gives where the provider and the table do not agree. */
async function disagreements(provider: KernelProvider): Promise<string[]> {
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

test("the table has every op of the builder", () => {
  expect(Object.keys(kernels).sort()).toEqual(Object.keys(opset).sort());
});

test("cpu has the kernels of the table", async () => expect(await disagreements("cpu")).toEqual([]));
test("wasm has the kernels of the table", async () => expect(await disagreements("wasm")).toEqual([]));
test.skipIf(!existsSync(swiftShader))("webgpu has the kernels of the table (needs Debian's chromium)", async () =>
  expect(await disagreements("webgpu")).toEqual([]),
);
