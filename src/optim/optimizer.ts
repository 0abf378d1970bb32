import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";

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
 * How parameters follow their gradients, as graph values. State is canonical and dense: `slots` have their parameter's
 * shape, `scalars` are shared by all parameters; everything starts at zero. What a row without gradient does is the
 * optimizer's to say: Adam's moments decay, and the row goes on moving.
 */
export interface Optimizer {
  readonly name: string;
  readonly source: string;
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
