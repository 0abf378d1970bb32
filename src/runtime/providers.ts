import { ConfigError } from "../util/errors.ts";
import type { Runtime } from "./session.ts";

/**
 * What Node can run models on, by the name `--provider` uses; loaded when it is asked for.
 * Nothing is tried in place of what was asked for.
 */
export const providers = {
  cpu: {
    describe: "ONNX Runtime's CPU provider",
    load: async () => {
      const node = await import("./node.ts").catch((cause) => {
        throw new ConfigError(
          "provider cpu: the package onnxruntime-node is not installed; npm install onnxruntime-node",
          { cause },
        );
      });
      return node.cpu;
    },
  },
  wasm: {
    describe: "ONNX Runtime's WebAssembly build, the one browsers use",
    load: async () => {
      const web = await import("./web.ts").catch((cause) => {
        throw new ConfigError(
          "provider wasm: the package onnxruntime-web is not installed; npm install onnxruntime-web",
          { cause },
        );
      });
      return web.wasm;
    },
  },
} as const satisfies Record<string, { describe: string; load: () => Promise<Runtime> }>;

export type ProviderName = keyof typeof providers;
