import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import type { AnyOptionValues, Options, OptionValues } from "../util/options.ts";
import { clippedByGlobalNorm } from "./clip.ts";

type V = Value<"float32">;
export type Slots = Readonly<Record<string, V>>;

/**
 * A gradient as an optimizer sees it: whole, or the rows of it that are not zero. `plus(x, f)` is x + f(gradient), entry by
 * entry; f must give 0 for 0, so that rows left out stay as they are in x.
 */
export interface Gradient {
  readonly plus: (x: V, f: (gradient: V) => V) => V;
}

/** A gradient of its parameter's shape. */
export const whole = (gradient: V): Gradient => ({ plus: (x, f) => op.add(x, f(gradient)) });

/** The rows of a gradient that are not zero: `values [n, ...]` at distinct `rows [n]`. */
export const rowSparse = (rows: Value<"int64">, values: V): Gradient => ({
  plus: (x, f) => op.scatterND(x, op.unsqueeze(rows, [1]), f(values), { reduction: "add" }),
});

/**
 * A slot after a step: decay · slot + f(gradient). Where it has a scale, which decays in its place, the same in units of that
 * scale: entries without gradient need no pass over them.
 */
export const accumulated = (
  { slot, decay, scale }: { readonly slot: V; readonly decay: number; readonly scale: V | undefined },
  gradient: Gradient,
  f: (gradient: V) => V,
): V => (scale ? gradient.plus(slot, (g) => op.mul(f(g), op.div(1, scale))) : gradient.plus(op.mul(slot, decay), f));

/** What a row does that gets no gradient any more. */
export interface Rest {
  /** The slots that move it; they are zero once it is at rest. */
  readonly moves: readonly string[];
  /**
   * Whether a row would move by no more than `most` (the length of all its steps to come, added up, at most), given its slots,
   * the scalars and the learning rate.
   */
  readonly within: (
    most: number,
    slots: Readonly<Record<string, Float32Array>>,
    scalars: Readonly<Record<string, number>>,
    learningRate: number,
  ) => boolean;
}

/**
 * What `update` does to rows without gradient whose slots are in units of scales: the parameter moves, the slots stay what they are.
 */
export interface Drift {
  /** Of each slot, what every step needs: made once for many steps. */
  readonly hold: (slots: Slots) => Slots;
  /** The parameter after one step, the same bits as `update` gives. */
  readonly step: (step: {
    readonly parameter: V;
    readonly held: Slots;
    readonly scales: Slots;
    readonly scalars: Slots;
    readonly learningRate: V;
  }) => V;
}

/**
 * How a parameter follows its gradient, as graph values. State is canonical and dense: `slots` have their parameter's
 * shape, `scalars` are shared by all parameters; everything starts at zero. What a row without gradient does is the
 * mover's to say: Adam's moments decay, and the row goes on moving.
 */
export interface Mover {
  readonly slots: readonly string[];
  readonly scalars: readonly string[];
  /** By slot, what every step multiplies it with before the gradient is added. */
  readonly decay: Readonly<Record<string, number>>;
  readonly rest: Rest;
  readonly drift: Drift;
  /** The scalars after one more step; called once a step, before any update. */
  advance(scalars: Slots): Slots;
  /**
   * The parameter and its slots after one step. `learningRate` is a scalar. With `scales`, scalars by slot that hold this step's decay
   * already, a slot is worth what it holds times its scale.
   */
  update(step: {
    readonly parameter: V;
    readonly gradient: Gradient;
    readonly slots: Slots;
    readonly scales?: Slots | undefined;
    readonly scalars: Slots;
    readonly learningRate: V;
  }): { readonly parameter: V; readonly slots: Slots };
}

/** A kind of mover: its options, and the mover that they make. One file each, listed in index.ts. */
export interface OptimizerKind<O extends Options = Options> {
  readonly name: string;
  readonly source: string;
  readonly options: O;
  readonly mover: (options: OptionValues<O>) => Mover;
}

/** A kind of mover whose options are no longer known to the compiler. */
export interface AnyOptimizerKind extends Pick<OptimizerKind, "name" | "source" | "options"> {
  readonly mover: (options: AnyOptionValues) => Mover;
}

/** A kind of mover, checked: a misspelt option does not compile. */
export const defineOptimizer = <const O extends Options>(kind: OptimizerKind<O>): AnyOptimizerKind =>
  kind as unknown as AnyOptimizerKind;

/**
 * A mover with what stands before and behind it: gradients are clipped together, the mover moves each parameter, weights decay.
 * Source of the idea: optax, `chain`.
 */
export interface Optimizer extends Mover {
  /** What a step does to all gradients before they are followed. */
  readonly gradients: (gradients: Slots) => Slots;
  /** Whether rows that get no gradient any more come to rest: not where weights decay. */
  readonly comesToRest: boolean;
}

/** What every optimizer can have besides its own options. */
export const sharedOptions = {
  clipNorm: {
    ...{ type: "number", min: 0, default: 0, quiet: true },
    describe: "gradients longer than this, all parameters' together, are shortened to it; 0: never",
  },
  weightDecay: {
    ...{ type: "number", min: 0, default: 0, quiet: true },
    describe: "share of itself, times the learning rate, that every weight loses each step (as AdamW)",
  },
} as const satisfies Options;

/** A mover, with clipping before it and decay of weights beside it. Source: Loshchilov and Hutter 2019, decoupled weight decay. */
export function chain(mover: Mover, { clipNorm, weightDecay }: OptionValues<typeof sharedOptions>): Optimizer {
  const decayed = (parameter: V, learningRate: V): V =>
    weightDecay === 0 ? parameter : op.mul(parameter, op.sub(1, op.mul(learningRate, weightDecay)));
  return {
    ...mover,
    gradients: (all) => (clipNorm === 0 ? all : clippedByGlobalNorm(all, clipNorm)),
    comesToRest: weightDecay === 0,
    update: ({ parameter, ...step }) => mover.update({ ...step, parameter: decayed(parameter, step.learningRate) }),
    drift: {
      hold: mover.drift.hold,
      step: ({ parameter, ...step }) => mover.drift.step({ ...step, parameter: decayed(parameter, step.learningRate) }),
    },
  };
}
