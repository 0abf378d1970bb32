import { type TrainConfig, type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { type TargetName, targets } from "../../src/export/targets/index.ts";
import type { Target } from "../../src/export/targets/target.ts";
import * as op from "../../src/graph/ops.ts";
import type { OpType } from "../../src/graph/opset.ts";
import type { GraphNode, Value } from "../../src/graph/value.ts";
import type { Architecture, Keep } from "../../src/sae/architecture.ts";
import { type ArchitectureName, architectures, trainable } from "../../src/sae/index.ts";
import { architectureOf, encode, parametersOf, statesOf } from "../../src/sae/spec.ts";
import type { AnyOptionValues, Option } from "../../src/util/options.ts";

/** Options tried besides the presets', by architecture: whatever changes the graph. */
const variants: Readonly<Record<string, Readonly<Record<string, AnyOptionValues>>>> = {
  topk: {
    "select value": { select: "value" },
    "unitNorm none": { unitNorm: "none", decoderBias: true },
  },
};

/** What presets fix for SAEs of usual size, and is too large for small ones. */
const smaller: Readonly<Record<string, AnyOptionValues>> = {
  "rajamanoharan2024-target": { targetL0: 4 },
  bussmann2025: { nested: "0.25:0.5" },
};

/** Small values of the options that an architecture has no default for: whole numbers are `count`, as its ranges allow. */
export function exampleOptions(architecture: string, latentDim: number, count = 4, preset = ""): AnyOptionValues {
  const { options, refuses }: Architecture = architectures[architecture as ArchitectureName];
  const needed = Object.entries(options).filter(([, option]) => option.default === undefined);
  const examples = needed.map(([name, option]) => [name, example(option, latentDim, count)] as const);
  const made = { ...Object.fromEntries(examples), ...smaller[preset] };
  // Groups of one size need a count that divides latentDim: the next smaller one.
  const refused = Object.hasOwn(made, "k") && refuses?.(made, { inputDim: latentDim, latentDim });
  return refused ? exampleOptions(architecture, latentDim, count - 1, preset) : made;
}

function example(option: Option, latentDim: number, count: number): number {
  if (option.type !== "integer" && option.type !== "number") throw new Error(`an example of a ${option.type}`);
  const { min, max = Number.POSITIVE_INFINITY } = option;
  const wanted = option.type === "integer" ? count : 0.1;
  return Math.min(Math.max(wanted, min), max === "latentDim" ? latentDim : max);
}

/** How many latents of every row a configuration's frozen encoder keeps; `undefined` where each latent decides for itself. */
export function keptOf(config: TrainConfig): number | undefined {
  const plain = architectureOf(config).plain(config.options, config);
  return "keeps" in plain ? plain.keeps : undefined;
}

/** Every architecture that can be trained, with each of its presets that makes it compute otherwise. */
export const presets = trainable.flatMap(({ name: architecture, presets }) =>
  Object.keys(presets)
    .filter((preset) => preset !== "recommended")
    .map((preset) => ({ architecture, preset })),
);

/** Those whose step may leave out the latents that a batch does not keep. */
export const livePresets = presets.filter(({ architecture, preset }) => {
  const options = exampleOptions(architecture, 16, 4, preset);
  const config = trainConfig({ architecture, preset, inputDim: 8, latentDim: 16, options });
  const { onlyKept, state } = architectureOf(config);
  return state === undefined && onlyKept?.(config.options) === true;
});

export interface Case {
  readonly name: string;
  readonly architecture: string;
  /** The configuration at other dims; default 16 to 32, batches of 24, 3 epochs, and k (or another count without a default) 4. */
  readonly config: (change?: Partial<TrainRequest>, count?: number) => TrainConfig;
}

/** How many steps there are in all, where that changes the graph. */
export const timing = (architecture: string): Partial<TrainRequest> => {
  const { timed }: Architecture = architectures[architecture as ArchitectureName];
  return timed ? { totalSteps: 15 } : {};
};

/** Whether it computes its latents by the same operators everywhere. Matching pursuit trains on CPUs by another form (src/sae/pursue.ts). */
export const oneForm = (architecture: string): boolean => architecture !== "matching-pursuit";

/** Of an architecture with a threshold no rows are held out, so that tests can count batches. */
const countable = ({ state }: Architecture): Partial<TrainRequest> =>
  state?.threshold === undefined ? {} : { calibrate: 0 };

const made = (
  architecture: string,
  preset: string,
  label: string,
  options: AnyOptionValues,
  training: Partial<TrainRequest> = {},
): Case => ({
  name: `${architecture} ${label}`,
  architecture,
  config(change = {}, count) {
    const { latentDim = 32 } = change;
    return trainConfig({
      ...{ architecture, preset, inputDim: 16, latentDim, batchSize: 24, epochs: 3 },
      ...timing(architecture),
      ...{ ...countable(architectures[architecture as ArchitectureName]), ...training, ...change },
      options: { ...exampleOptions(architecture, latentDim, count, preset), ...options, ...change.options },
    });
  },
});

/** With dead latents revived. */
const auxK = { auxK: 6, auxCoefficient: 0.5, deadSteps: 2 };

/** Every architecture with these presets, the variants above, and AuxK where it has that. */
export const cases: readonly Case[] = trainable.flatMap(({ name: architecture, presets: all, revival }) => [
  ...presets.flatMap((one) =>
    one.architecture === architecture ? [made(architecture, one.preset, one.preset, {})] : [],
  ),
  ...Object.entries(variants[architecture] ?? {}).map(([label, options]) =>
    made(architecture, Object.keys(all)[0]!, label, options),
  ),
  ...(revival ? [made(architecture, Object.keys(all)[0]!, "auxK", {}, auxK)] : []),
]);

/** Whether a target's runtimes have what an encoder computes besides its selection. `compat` selects by magnitude or of ReLU'd values only. */
export function expressible({ config: configOf }: Case, target: TargetName): boolean {
  const config = configOf();
  if (target === "compat" && config.options.select === "value") return false;
  const { without = [] }: Target = targets[target];
  const named = (shapes: Readonly<Record<string, { readonly shape: readonly number[] }>>) =>
    Object.fromEntries(Object.entries(shapes).map(([name, { shape }]) => [name, op.input("float32", shape)]));
  const x = op.input("float32", ["batch", config.inputDim]);
  const keep: Keep = (pre) => ({ pre, z: pre });
  const { z } = encode(config, x, named(parametersOf(config)), { state: named(statesOf(config)), keep });
  return !opsBehind(z).some((one) => without.includes(one));
}

/** The ops a value is computed with. */
function opsBehind(value: Value): OpType[] {
  const seen = new Set<GraphNode>();
  const stack = [value.node];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...node.inputs.map((one) => one.node));
  }
  return [...seen].flatMap((node) => (node.kind === "op" ? [node.op] : []));
}
