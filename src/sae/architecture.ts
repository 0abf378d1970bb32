import type { Value } from "../graph/value.ts";
import type { ConstraintName } from "./constraints.ts";
import type { Init } from "./init.ts";
import type { AnyOptionValues, Dims, Options, OptionValues } from "./options.ts";

type V = Value<"float32">;

/** A parameter: its shape and first values. */
export interface Parameter {
  readonly shape: readonly number[];
  /** Whether its first axis counts latents, one row each. */
  readonly perLatent: boolean;
  readonly init: Init;
}

/** Parameters by their names in files; one that an option leaves out may be `undefined`. */
export type Parameters = Readonly<Record<string, Parameter | undefined>>;

/** The graph values of some parameters. */
export type ParameterValues<P> = { readonly [K in keyof P]: undefined extends P[K] ? V | undefined : V };

/** What an encoder gives. */
export interface Code {
  /** Latents `[batch, latentDim]`. */
  readonly z: V;
  /** Where selection is exact: the kept latents `[batch, k]`, strongest first, and their numbers. */
  readonly top?: { readonly values: V; readonly indices: Value<"int64"> };
}

/**
 * How the `k` entries of each row with the largest score are kept, the others zeroed: `scores` decide, `pre` supplies the
 * values, through `act`. An encoder calls it once; training may carry the selection out in another, equal way.
 */
export type Keep = (pre: V, scores: V, k: number, act?: (values: V) => V) => Code;

/** A batch of fewer rows than its shape has: `mask [batch, 1]` is 1 for its rows and 0 for the padding, `scale` is batch / rows. */
export interface Padding {
  readonly mask: V;
  readonly scale: V;
}

/** What losses may look at. `stepsSinceFired [latentDim]` is as it was before this step. */
export interface LossContext<P, O> {
  readonly x: V;
  readonly xHat: V;
  readonly code: Code;
  readonly params: P;
  readonly options: O;
  readonly stepsSinceFired: V;
  /** Where shapes are fixed: which rows are the batch's; only these may weigh. Default: all. */
  readonly padding?: Padding | undefined;
}

/** A sparse autoencoder: forward only; its gradients come from autodiff. One file each, listed in index.ts. */
export interface Sae<O extends Options = Options, P extends Parameters = Parameters> {
  /** As `--architecture` and files spell it. */
  readonly name: string;
  readonly source: string;
  readonly options: O;
  /** Named sets of options; the first is the default. */
  readonly presets: Readonly<Record<string, Partial<OptionValues<O>>>>;
  /** Parameters in the order they are made: an initialiser may read those before it. */
  readonly params: (dims: Dims, options: OptionValues<O>) => P;
  readonly encode: (x: V, params: ParameterValues<P>, options: OptionValues<O>, keep: Keep) => Code;
  readonly decode: (z: V, params: ParameterValues<P>, options: OptionValues<O>) => V;
  /**
   * Whether a latent that is not kept in a batch has no part in the batch's loss, for these options: then a step may leave
   * out all latents but the kept ones. Default: no.
   */
  readonly onlyKept?: (options: OptionValues<O>) => boolean;
  /** Scalars whose sum is minimised. */
  readonly losses: (context: LossContext<ParameterValues<P>, OptionValues<O>>) => Readonly<Record<string, V>>;
  readonly constraints: (options: OptionValues<O>) => { readonly [K in keyof P]?: ConstraintName };
}

/** An architecture as the rest of the code sees it: names of options and parameters are no longer known to the compiler. */
export interface Architecture {
  readonly name: string;
  readonly source: string;
  readonly options: Options;
  readonly presets: Readonly<Record<string, AnyOptionValues>>;
  readonly params: (dims: Dims, options: AnyOptionValues) => Parameters;
  readonly encode: (x: V, params: Readonly<Record<string, V>>, options: AnyOptionValues, keep: Keep) => Code;
  readonly decode: (z: V, params: Readonly<Record<string, V>>, options: AnyOptionValues) => V;
  readonly onlyKept?: (options: AnyOptionValues) => boolean;
  readonly losses: (context: LossContext<Readonly<Record<string, V>>, AnyOptionValues>) => Readonly<Record<string, V>>;
  readonly constraints: (options: AnyOptionValues) => Readonly<Record<string, ConstraintName | undefined>>;
}

/** An architecture, checked: a misspelt parameter or option does not compile. */
export const defineSae = <const O extends Options, P extends Parameters>(sae: Sae<O, P>): Architecture =>
  sae as unknown as Architecture;
