import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import { ConfigError } from "../util/errors.ts";
import { type AnyOptionValues, completeOptions } from "../util/options.ts";
import type { AnySparsity, Architecture, Code, Keep, Padding, Parameter, States } from "./architecture.ts";
import { type Dims, outputDimOf } from "./dims.ts";
import { type ArchitectureName, architectures, trainable } from "./index.ts";
import { zeros } from "./init.ts";
import { keepTop } from "./select.ts";

/** Everything that says what an SAE computes, apart from its weights. */
export interface SaeSpec extends Dims {
  readonly architecture: ArchitectureName;
  /** The named set of options it started from. */
  readonly preset: string;
  /** Every option of the architecture, complete. */
  readonly options: AnyOptionValues;
  /** A transcoder's: whether it adds `W_skip x` to what its latents stand for. */
  readonly skip?: boolean;
}

/** What a specification is made from; options left out come from the preset, then from the architecture. */
export interface SaeRequest extends Omit<Dims, "outputDim"> {
  readonly outputDim?: number | undefined;
  readonly architecture?: string;
  readonly preset?: string | undefined;
  readonly options?: AnyOptionValues;
}

/**
 * A complete, checked specification. Defaults: architecture `topk`, the architecture's first preset.
 * @throws {ConfigError} for unknown names and values out of range.
 */
export function saeSpec({
  architecture = "topk",
  preset,
  options = {},
  inputDim,
  latentDim,
  outputDim,
}: SaeRequest): SaeSpec {
  if (typeof architecture !== "string" || !Object.hasOwn(architectures, architecture))
    throw new ConfigError(
      `architecture must be one of ${trainable.map(({ name }) => name).join(", ")}, got ${architecture}`,
    );
  const sae: Architecture = architectures[architecture as ArchitectureName];
  const dims: Dims = { inputDim, latentDim, ...(outputDim === undefined ? {} : { outputDim }) };
  for (const [name, dim] of Object.entries(dims))
    if (!Number.isSafeInteger(dim) || dim < 1)
      throw new ConfigError(`${name} must be an integer of at least 1, got ${dim}`);
  const names = Object.keys(sae.presets);
  const chosen = preset ?? names[0]!;
  if (typeof chosen !== "string" || !Object.hasOwn(sae.presets, chosen))
    throw new ConfigError(`preset of ${architecture} must be one of ${names.join(", ")}, got ${chosen}`);
  const complete = completeOptions(`architecture ${architecture}`, sae.options, sae.presets[chosen]!, options, dims);
  const refused = sae.refuses?.(complete, dims);
  if (refused !== undefined) throw new ConfigError(refused);
  return { architecture: architecture as ArchitectureName, preset: chosen, options: complete, ...dims };
}

/** The architecture of a specification. */
export const architectureOf = ({ architecture }: SaeSpec): Architecture => architectures[architecture];

/** The parameters a specification has, in the order they are made. */
export const parametersOf = (spec: SaeSpec): Readonly<Record<string, Parameter>> =>
  Object.fromEntries(
    Object.entries({ ...architectureOf(spec).params(spec, spec.options), ...(spec.skip ? skipOf(spec) : {}) }).flatMap(
      ([name, one]) => (one ? [[name, one]] : []),
    ),
  );

/** The linear map beside the latents; of zeros at first. Source: EleutherAI, sparsify (skip_connection). */
const skipOf = (dims: Dims): Readonly<Record<string, Parameter>> => ({
  W_skip: { shape: [outputDimOf(dims), dims.inputDim], perLatent: false, init: zeros },
});

/** What a specification's training carries without a gradient, by name. */
export const statesOf = (spec: SaeSpec): States => architectureOf(spec).state?.tensors(spec, spec.options) ?? {};

/** The value of the option that sets the sparsity; `undefined` where the architecture has none. */
export const sparsityOf = (spec: SaeSpec): number | undefined => {
  const { sparsity } = architectureOf(spec);
  return sparsity === undefined ? undefined : (spec.options[sparsity] as number);
};

/** How many latents of a row are kept, on average at least; `undefined` where that is not for an option to say. */
export const keptPerRow = (spec: SaeSpec): number | undefined => {
  const { sparsity, options } = architectureOf(spec);
  return sparsity !== undefined && options[sparsity]!.type === "integer" ? sparsityOf(spec) : undefined;
};

type V = Value<"float32">;
type Values = Readonly<Record<string, V>>;

/** How a forward pass is carried out; default: as a frozen model does. */
export interface Pass {
  readonly mode?: "train" | "inference";
  /** State tensors by name; needed where the architecture has some. */
  readonly state?: Values;
  /** Default: the option as given. */
  readonly sparsity?: AnySparsity | undefined;
  /** How the selection is carried out. */
  readonly keep?: Keep;
  readonly padding?: Padding | undefined;
}

/** The latents of `x [batch, inputDim]`. */
export function encode(
  spec: SaeSpec,
  x: V,
  params: Values,
  { mode = "inference", state = {}, sparsity = sparsityOf(spec), keep = keepTop, padding }: Pass = {},
): Code {
  const { options } = spec;
  return scope("encode", () =>
    architectureOf(spec).encode(x, params, { options, dims: spec, mode, state, sparsity, keep, padding }),
  );
}

/** What a skip connection adds to the reconstruction of `x [batch, inputDim]`; `undefined` where there is none. */
export const skipped = (spec: SaeSpec, x: V, params: Values): V | undefined =>
  spec.skip ? scope("skip", () => op.matMul(x, op.transpose(params.W_skip!))) : undefined;

/**
 * What latents `[batch, latentDim]` stand for, `[batch, outputDim]`; `beside` is what a skip connection adds.
 * `sum` is how decoder rows and bias are summed, by default the architecture's own.
 */
export const decode = (
  spec: SaeSpec,
  z: V,
  params: Values,
  beside: V | undefined,
  sum = (z: V) => architectureOf(spec).decode(z, params, spec.options),
): V =>
  scope("decode", () => {
    const xHat = sum(z);
    return beside ? op.add(xHat, beside) : xHat;
  });

/** The reconstruction of `x` at its own scale: `xHat` itself, but for an SAE whose latents see every row at a scale of its own. */
export function restored(spec: SaeSpec, xHat: V, x: V): V {
  const { restore } = architectureOf(spec);
  return restore ? scope("restore", () => restore(xHat, x, spec.options, spec)) : xHat;
}
