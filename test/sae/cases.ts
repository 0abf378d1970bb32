import { type TrainConfig, type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { trainable } from "../../src/sae/index.ts";
import type { AnyOptionValues } from "../../src/util/options.ts";

/** Options tried besides the presets', by architecture: whatever changes the graph. */
const variants: Readonly<Record<string, Readonly<Record<string, AnyOptionValues>>>> = {
  topk: {
    "select value": { select: "value" },
    "unitNorm none": { unitNorm: "none", decoderBias: true },
  },
  "topk-relu": { auxK: { auxK: 6, auxCoefficient: 0.5, deadSteps: 2 } },
};

export interface Case {
  readonly name: string;
  readonly architecture: string;
  /** The configuration at other dims; default 16 to 32, k 4, batches of 24, 3 epochs. */
  readonly config: (change?: Partial<TrainRequest>) => TrainConfig;
}

const made = (architecture: string, preset: string, label: string, options: AnyOptionValues): Case => ({
  name: `${architecture} ${label}`,
  architecture,
  config: (change = {}) =>
    trainConfig({
      ...{ architecture, preset, inputDim: 16, latentDim: 32, batchSize: 24, epochs: 3 },
      ...change,
      options: { k: 4, ...options, ...change.options },
    }),
});

/** Every architecture with every preset, and the variants above. */
export const cases: readonly Case[] = trainable.flatMap(({ name: architecture, presets }) => [
  ...Object.keys(presets).map((preset) => made(architecture, preset, preset, {})),
  ...Object.entries(variants[architecture] ?? {}).map(([label, options]) =>
    made(architecture, Object.keys(presets)[0]!, label, options),
  ),
]);
