import { capabilities, type ProviderName } from "./capabilities.ts";
import { installCuda } from "./cudaInstall.ts";
import { notLoaded, whyNotLoaded } from "./notLoaded.ts";
import type { Runtime } from "./session.ts";
import { requireUsable, type Usable } from "./usable.ts";

export type { ProviderName } from "./capabilities.ts";

/** A provider as Node sees it: what it can train with (`capabilities`), and how to get, test and load it. */
export interface Provider {
  readonly describe: string;
  /** How it gets onto a machine: a command, or a sentence. */
  readonly install: string;
  /** Whether it can be used here. Tries it, in another process where that might crash; takes up to a few seconds. */
  readonly usable: () => Promise<Usable>;
  /** The runtime itself, untested. */
  readonly load: () => Promise<Runtime>;
}

const web = () =>
  import("./web.ts").catch((cause) => {
    throw notLoaded("wasm", "onnxruntime-web", cause);
  });

/** Node's providers are all of one package. */
const node = (provider: ProviderName) =>
  import("./cpu.node.ts").catch((cause) => {
    throw notLoaded(provider, "onnxruntime-node", cause);
  });

/**
 * What Node can run models on, by the name `--provider` uses. Each is loaded when it is asked for. None ever takes the place of
 * another.
 */
const table = {
  cpu: {
    describe: "ONNX Runtime's CPU provider",
    install: "npm install onnxruntime-node",
    usable: async () => ({ usable: true }),
    load: async () => {
      return (await node("cpu")).cpu;
    },
  },
  wasm: {
    describe: "ONNX Runtime's WebAssembly build, the one browsers use",
    install: "npm install onnxruntime-web",
    usable: async () =>
      web().then(
        () => ({ usable: true }) as const,
        ({ cause }) => {
          const [reason, fix] = whyNotLoaded("onnxruntime-web", cause);
          return { usable: false, reason, fix };
        },
      ),
    load: async () => (await web()).wasm,
  },
  webgpu: {
    describe: "any GPU, through Vulkan (in a browser, WebGPU)",
    install: "is part of onnxruntime-node; it needs a Vulkan driver and its loader: sudo apt-get install libvulkan1",
    usable: async () => (await import("./webgpu.node.ts")).webgpuUsable(),
    load: async () => (await node("webgpu")).webgpu,
  },
  cuda: {
    describe: "an NVIDIA GPU",
    install: installCuda,
    usable: async () => (await import("./cuda.node.ts")).cudaUsable(),
    load: async () => (await node("cuda")).cuda,
  },
} as const satisfies Record<ProviderName, Provider>;

/** Every provider, with its capabilities. */
export const providers = Object.fromEntries(
  Object.entries(table).map(([name, one]) => [name, { ...capabilities[name as ProviderName], ...one }]),
) as { readonly [P in ProviderName]: (typeof capabilities)[P] & Provider };

/** Providers found usable, because a try takes up to a few seconds. Others are tried again: they may have been installed since. */
const knownUsable = new Set<ProviderName>();

/** The runtime of a provider that can be used here. @throws {ConfigError} when it cannot, with what is missing and what to do. */
export async function usableRuntime(provider: ProviderName): Promise<Runtime> {
  if (!knownUsable.has(provider)) requireUsable(provider, await providers[provider].usable());
  knownUsable.add(provider);
  return providers[provider].load();
}
