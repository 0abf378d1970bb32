/** The CPU's, and so WebAssembly's, which is the same provider compiled for another machine. */
const onHost = {
  wrapper: "loop",
  wrappers: ["loop", "scan", "step"],
  defaultStep: null,
  steps: ["live", "dense"],
  noFallback: false,
} as const satisfies Capabilities;

/**
 * What each provider of ONNX Runtime can train with, by the name `--provider` uses. `wrapper`: how steps are strung together
 * (train/wrappers): `loop`, whose carried state may grow; `scan`, whose state stays on the device without a copy or a wait per
 * step; `step`, one run per step with the state on the device, where there is neither. `noFallback`: whether a node that the
 * provider has no kernel for is an error (`session.disable_cpu_ep_fallback`; cpu and wasm are where others would fall back to).
 */
export const capabilities = {
  cpu: onHost,
  wasm: onHost,
  webgpu: { wrapper: "step", wrappers: ["step"], defaultStep: "dense", steps: ["dense"], noFallback: true },
  cuda: {
    wrapper: "scan",
    wrappers: ["loop", "scan", "step"],
    defaultStep: "dense",
    steps: ["dense"],
    noFallback: true,
  },
} as const satisfies Record<string, Capabilities>;

export type ProviderName = keyof typeof capabilities;

/** What a provider can train with. */
export interface Capabilities {
  readonly wrapper: "loop" | "scan" | "step";
  /** Every wrapper it can run at all. */
  readonly wrappers: readonly ("loop" | "scan" | "step")[];
  /** The step form used unless asked otherwise; `null`: the one that is faster for the configuration. */
  readonly defaultStep: "live" | "dense" | null;
  readonly steps: readonly ("live" | "dense")[];
  readonly noFallback: boolean;
}

/** What a runtime can train with; one of another name is taken for a CPU's. */
export const capabilitiesOf = (provider: string): Capabilities =>
  (capabilities as Readonly<Record<string, Capabilities>>)[provider] ?? capabilities.cpu;
