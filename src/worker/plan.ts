import { type TrainConfig, trainConfig } from "../config/config.ts";
import type { TrainOptionValues } from "../config/trainOptions.ts";
import { trainingBytes } from "../pipeline/memory.ts";
import { trainable } from "../sae/index.ts";
import { keptPerRow } from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import type { Option } from "../util/options.ts";

/** An option that a form asks for. */
export type Choice = Option & { readonly name: string };

/** An architecture that can be trained, as a form shows it. */
export interface ArchitectureChoice {
  readonly name: string;
  readonly source: string;
  /** Its presets, with the options that each sets. */
  readonly presets: Readonly<Record<string, Readonly<Record<string, number | boolean | string>>>>;
  readonly options: readonly Choice[];
}

/** Training options that a form asks for; the others keep their defaults. */
type Asked = "epochs" | "batchSize" | "learningRate" | "seed";

/** Every architecture that can be trained. */
export const architectureChoices = (): readonly ArchitectureChoice[] =>
  trainable.map(({ name, source, presets, options }) => ({
    ...{ name, source, presets: presets as ArchitectureChoice["presets"] },
    options: Object.entries(options).map(([key, option]) => ({ ...option, name: key })),
  }));

/** What is asked for, before it is checked. */
export interface PlanRequest {
  readonly architecture: string;
  readonly preset?: string | undefined;
  readonly inputDim: number;
  readonly latentDim: number;
  readonly options: Readonly<Record<string, number | boolean | string>>;
  readonly training: Partial<Pick<TrainOptionValues, Asked>>;
  /** Training rows. */
  readonly rows: number;
  readonly provider: string;
  readonly threads: number;
}

/** A training as it would be, and what it takes. */
export interface Plan {
  readonly config: TrainConfig;
  readonly bytes: number;
  /** Seconds it is likely to take: right to a factor of three. */
  readonly seconds: number;
  /** Why it cannot be done in a tab. */
  readonly refused?: string | undefined;
}

/** What WebAssembly can address, and what of it may be filled: ONNX Runtime's own buffers come on top. */
const [addressable, usable] = [2 ** 32, 3.2e9];
/** Multiplications and additions a second of one thread of WebAssembly, in the products of a training step; measured on two cores. */
const speed = 1e10;
/** Bytes a second at which weights and moments are updated. */
const bandwidth = 2e9;

/**
 * A training's configuration and what it takes, before it starts.
 * @throws {ConfigError} for options out of range, or that contradict each other.
 */
export function planned(request: PlanRequest): Plan {
  const { architecture, preset, inputDim, latentDim, options, training, rows, provider, threads } = request;
  const config = trainConfig({
    ...{ architecture, preset, inputDim, latentDim, options, ...training },
    // What WebGPU can train with.
    ...(provider === "webgpu" ? { step: "dense" } : {}),
  });
  if (rows < config.batchSize)
    throw new ConfigError(
      `${rows} training rows are fewer than one batch of ${config.batchSize}; use a smaller batch size or more rows`,
    );
  const bytes = trainingBytes(config, rows);
  const refused =
    bytes > usable
      ? `it takes about ${gigabytes(bytes)}, and a tab has ${gigabytes(addressable)}; use fewer latents or smaller batches, or sae-onnx train on the command line`
      : undefined;
  return { config, bytes, seconds: secondsOf(config, rows, threads), refused };
}

const gigabytes = (bytes: number): string => `${bytes < 1e10 ? (bytes / 1e9).toFixed(1) : Math.round(bytes / 1e9)} GB`;

/** Products forward and backward, and the update of all weights and moments once a step. */
function secondsOf(config: TrainConfig, rows: number, threads: number): number {
  const { inputDim, latentDim, batchSize, epochs, step } = config;
  const live = step === "live" ? Math.min(1, (8 * (keptPerRow(config) ?? latentDim)) / latentDim) : 1;
  const perRow = 2 * inputDim * latentDim * (2 + 4 * live);
  const perStep = (7 * 4 * 2 * inputDim * latentDim * live) / bandwidth;
  return epochs * ((rows * perRow) / (speed * threads) + Math.ceil(rows / batchSize) * perStep);
}
