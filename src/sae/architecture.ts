import type { Value } from "../graph/value.ts";
import type { AnyOptionValues, Options, OptionValues } from "../util/options.ts";
import type { ConstraintName } from "./constraints.ts";
import type { Dims } from "./dims.ts";
import type { Init } from "./init.ts";
import type { Plain } from "./plain.ts";
import type { SaidIn } from "./saidIn.ts";

type V = Value<"float32">;
type Ints = Value<"int64">;

/** What parameters and state have in common. */
interface Stored {
  readonly shape: readonly number[];
  /** Whether it is measured as latents are: an SAE trained on inputs of another scale has it multiplied when that is undone. */
  readonly inLatentUnits?: true;
}

/** A parameter: its shape and first values. */
export interface Parameter extends Stored {
  /** Whether its first axis counts latents, one row each. */
  readonly perLatent: boolean;
  readonly init: Init;
  /** Of a second bias of the encoder, added to exp(this parameter) W_enc x: it too makes up for a mean that is taken off inputs. */
  readonly gain?: string;
}

/** Parameters by their names in files; one that an option leaves out may be `undefined`. */
export type Parameters = Readonly<Record<string, Parameter | undefined>>;

/** The graph values of some parameters. */
export type ParameterValues<P> = { readonly [K in keyof P]: undefined extends P[K] ? V | undefined : V };

/** A tensor that training carries without a gradient, such as a running threshold; the finished SAE keeps it as a constant. */
export interface StateTensor extends Stored {
  /** The value of every entry before the first step. */
  readonly start: number;
}

export type States = Readonly<Record<string, StateTensor>>;
type StateOf<S> = { readonly [K in keyof S]: V };

/** What an encoder gives. */
export interface Code {
  /** Pre-activations `[batch, latentDim]`: what selection or the activation function saw. */
  readonly pre: V;
  /** Latents `[batch, latentDim]`. */
  readonly z: V;
  /** Where selection is exact: the kept latents `[batch, k]`, strongest first, and their numbers. */
  readonly top?: { readonly values: V; readonly indices: Ints };
  /** Where a whole batch chooses in training: what it keeps `[n]`, and of which latents, in any order. */
  readonly kept?: { readonly values: V; readonly latents: Ints };
}

/**
 * How the `k` entries of each row with the largest score are kept, the others zeroed: `scores` decide, `pre` supplies the
 * values, through `act`. An encoder calls it once; training may carry the selection out in another, equal way.
 */
export type Keep = (pre: V, scores: V, k: number | Ints, act?: (values: V) => V) => Code;

/** A batch of fewer rows than its shape has: `mask [batch, 1]` is 1 for its rows and 0 for the padding, `scale` is batch / rows. */
export interface Padding {
  readonly mask: V;
  readonly scale: V;
}

/** The option that sets how sparse an SAE is, at this step: as given, or where it is scheduled as a graph value. */
type Scheduled<O> = O extends { type: "integer" } ? number | Ints : number | V;

/** What an encoder may look at besides its input. */
export interface EncodeContext<O, S, K> {
  readonly options: O;
  readonly dims: Dims;
  /** `train`: inside a training step; `inference`: frozen, for good. */
  readonly mode: "train" | "inference";
  readonly state: S;
  /** The architecture's `sparsity` option at this step. */
  readonly sparsity: K;
  /** How selection is carried out. */
  readonly keep: Keep;
  /** Where shapes are fixed: which rows are the batch's. Default: all. */
  readonly padding?: Padding | undefined;
}

/** What losses may look at. `stepsSinceFired [latentDim]` is as it was before this step. */
export interface LossContext<P, O, K, S = unknown> {
  readonly x: V;
  /** What is to be reconstructed: `x`, but for a transcoder. */
  readonly target: V;
  readonly xHat: V;
  /** What a transcoder's skip connection adds to xHat: latents that reconstruct in another way have it added too. */
  readonly beside?: V | undefined;
  readonly code: Code;
  readonly params: P;
  readonly options: O;
  readonly dims: Dims;
  readonly sparsity: K;
  readonly stepsSinceFired: V;
  /** What training carries without a gradient, as it was before this step. */
  readonly state: S;
  /** Where shapes are fixed: which rows are the batch's; only these may weigh. Default: all. */
  readonly padding?: Padding | undefined;
}

/** What the next state may be made of: the step's code, and the state before it. */
export interface StateContext<O, S> {
  readonly code: Code;
  readonly state: S;
  readonly options: O;
  /** The share of all steps that are done after this one, a scalar; for an architecture that is `timed`. */
  readonly progress?: V | undefined;
  readonly padding?: Padding | undefined;
}

/** What defaults of training may depend on, besides options. */
export interface Chosen {
  readonly preset: string;
  readonly dims: Dims;
}

/** How dead latents can be given a gradient by the auxiliary loss (auxiliary.ts). */
export interface Revival<P = Values> {
  /** Pre-activations `[batch, latentDim]`, as `encode` computes them. */
  readonly pre: (x: V, params: P, dims: Dims) => V;
  /** Which of them are strongest, and what they are then: the largest ReLU(pre), |pre| with its sign, or pre. */
  readonly by: "relu" | "magnitude" | "value";
}

/** A sparse autoencoder: forward only; its gradients come from autodiff. One file each, listed in index.ts. */
export interface Sae<O extends Options, P extends Parameters, S extends States, K extends keyof O> {
  /** As `--architecture` and files spell it. */
  readonly name: string;
  readonly source: string;
  /** `false` for one that only carries weights trained elsewhere; default true. */
  readonly trainable?: boolean;
  readonly options: O;
  /** The option that sets how sparse it is; a schedule may change it from step to step. */
  readonly sparsity?: K;
  /** Named sets of options; the first is the default. */
  readonly presets: Readonly<Record<string, Partial<OptionValues<O>>>>;
  /** Why these options cannot be, together or for these sizes, and what to do. Default: all can. */
  readonly refuses?: (options: OptionValues<O>, dims: Dims) => string | undefined;
  /** Defaults of training that are its own, by their names in trainOptions.ts. Default: those of all. */
  readonly training?: (options: OptionValues<O>, chosen: Chosen) => AnyOptionValues;
  /** Whether its state changes with the share of steps that are done, so that steps are counted. Default: no. */
  readonly timed?: true;
  /** Parameters in the order they are made: an initialiser may read those before it. */
  readonly params: (dims: Dims, options: OptionValues<O>) => P;
  /** What training carries without a gradient. Default: nothing. */
  readonly state?: {
    readonly tensors: (dims: Dims, options: OptionValues<O>) => S;
    /** The tensor that says, frozen, above which `pre` a latent is kept. It can be set so that rows keep `sparsity` latents on average. */
    readonly threshold?: keyof S & string;
    readonly next: (context: StateContext<OptionValues<O>, StateOf<S>>) => StateOf<S>;
  };
  readonly encode: (
    x: V,
    params: ParameterValues<P>,
    context: EncodeContext<OptionValues<O>, StateOf<S>, Scheduled<O[K]>>,
  ) => Code;
  readonly decode: (z: V, params: ParameterValues<P>, options: OptionValues<O>) => V;
  /** What becomes of the reconstruction of `x`, where latents see x at another scale than it has. Default: nothing. */
  readonly restore?: (xHat: V, x: V, options: OptionValues<O>, dims: Dims) => V;
  /**
   * Whether a latent that is not kept in a batch has no part in the batch's loss, for these options: then a step may leave
   * out all latents but the kept ones. Default: no.
   */
  readonly onlyKept?: (options: OptionValues<O>) => boolean;
  /** Scalars whose sum is minimised. */
  readonly losses: (
    context: LossContext<ParameterValues<P>, OptionValues<O>, Scheduled<O[K]>, StateOf<S>>,
  ) => Readonly<Record<string, V>>;
  /** How its latents can be revived once they are dead. The decoder must be a sum of rows of `W_dec`. Default: they cannot. */
  readonly revival?: (options: OptionValues<O>) => Revival<ParameterValues<P>>;
  readonly constraints: (options: OptionValues<O>) => { readonly [K in keyof P]?: ConstraintName };
  /** The frozen encoder once more, in float64 and without the graph builder: what exported models are verified against. */
  readonly plain: (options: OptionValues<O>, dims: Dims) => Plain;
  /** How other libraries say it, for these options; its weights go by the names of `params` and `state`. Default: none can. */
  readonly saidIn?: (options: OptionValues<O>, dims: Dims) => SaidIn;
}

type Values = Readonly<Record<string, V>>;
/** The sparsity option's value where the architecture is not known: a number, or a graph value of either type. */
export type AnySparsity = number | V | Ints;

/** An architecture as the rest of the code sees it: names of options and parameters are no longer known to the compiler. */
export interface Architecture {
  readonly name: string;
  readonly source: string;
  /** `false` for one that only carries weights trained elsewhere; default true. */
  readonly trainable?: boolean;
  readonly options: Options;
  readonly sparsity?: string;
  readonly presets: Readonly<Record<string, AnyOptionValues>>;
  readonly refuses?: (options: AnyOptionValues, dims: Dims) => string | undefined;
  readonly training?: (options: AnyOptionValues, chosen: Chosen) => AnyOptionValues;
  readonly timed?: true;
  readonly params: (dims: Dims, options: AnyOptionValues) => Parameters;
  readonly state?: {
    readonly tensors: (dims: Dims, options: AnyOptionValues) => States;
    readonly threshold?: string;
    readonly next: (context: StateContext<AnyOptionValues, Values>) => Values;
  };
  readonly encode: (
    x: V,
    params: Values,
    context: EncodeContext<AnyOptionValues, Values, AnySparsity | undefined>,
  ) => Code;
  readonly decode: (z: V, params: Values, options: AnyOptionValues) => V;
  readonly restore?: (xHat: V, x: V, options: AnyOptionValues, dims: Dims) => V;
  readonly onlyKept?: (options: AnyOptionValues) => boolean;
  readonly losses: (context: LossContext<Values, AnyOptionValues, AnySparsity | undefined, Values>) => Values;
  readonly revival?: (options: AnyOptionValues) => Revival;
  readonly constraints: (options: AnyOptionValues) => Readonly<Record<string, ConstraintName | undefined>>;
  readonly plain: (options: AnyOptionValues, dims: Dims) => Plain;
  readonly saidIn?: (options: AnyOptionValues, dims: Dims) => SaidIn;
}

/** An architecture, checked: a misspelt parameter or option, or a missing float64 twin, does not compile. */
export const defineSae = <
  const O extends Options,
  P extends Parameters,
  S extends States = Record<never, never>,
  const K extends keyof O = never,
>(
  sae: Sae<O, P, S, K>,
): Architecture => sae as unknown as Architecture;
