/** What the CPU can do, and WebAssembly too: it is the CPU provider, compiled for another machine. */
const onHost = {
  wrapper: "loop",
  wrappers: ["loop", "scan", "single"],
  defaultStep: null,
  steps: ["live", "dense"],
  noFallback: false,
} as const satisfies Capabilities;

/**
 * What each provider of ONNX Runtime can train with, by the name `--provider` uses.
 *
 * `wrapper` is how steps are strung together (train/wrappers). `loop`: the carried state may grow. `scan`: the state stays on
 * the device, with no copy and no wait per step. `single`: one run per step with the state on the device, for a provider without
 * Loop and Scan.
 *
 * `noFallback`: a node without a kernel is an error (`session.disable_cpu_ep_fallback`). cpu and wasm need no such rule: they
 * are what others would fall back to.
 */
export const capabilities = {
  cpu: onHost,
  wasm: onHost,
  webgpu: { wrapper: "single", wrappers: ["single"], defaultStep: "dense", steps: ["dense"], noFallback: true },
  cuda: {
    wrapper: "scan",
    wrappers: ["loop", "scan", "single"],
    defaultStep: "dense",
    steps: ["dense"],
    noFallback: true,
  },
} as const satisfies Record<string, Capabilities>;

export type ProviderName = keyof typeof capabilities;

/** What a provider can train with. */
export interface Capabilities {
  readonly wrapper: "loop" | "scan" | "single";
  /** Every wrapper it can run at all. */
  readonly wrappers: readonly ("loop" | "scan" | "single")[];
  /** The default step form; `null`: the faster one for the configuration. */
  readonly defaultStep: "live" | "dense" | null;
  readonly steps: readonly ("live" | "dense")[];
  readonly noFallback: boolean;
}

/** What a runtime can train with. One of an unknown name counts as a CPU. */
export const capabilitiesOf = (provider: string): Capabilities =>
  (capabilities as Readonly<Record<string, Capabilities>>)[provider] ?? capabilities.cpu;
