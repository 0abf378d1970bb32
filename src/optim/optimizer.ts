import type { Value } from "../graph/value.ts";

type V = Value<"float32">;
export type Slots = Readonly<Record<string, V>>;

/**
 * How parameters follow their gradients, as graph values. State is canonical and dense: `slots` have their parameter's
 * shape, `scalars` are shared by all parameters; everything starts at zero.
 */
export interface Optimizer {
  readonly name: string;
  readonly source: string;
  readonly slots: readonly string[];
  readonly scalars: readonly string[];
  /** The scalars after one more step; called once a step, before any update. */
  advance(scalars: Slots): Slots;
  /** The parameter and its slots after one step. `learningRate` is a scalar. */
  update(step: {
    readonly parameter: V;
    readonly gradient: V;
    readonly slots: Slots;
    readonly scalars: Slots;
    readonly learningRate: V;
  }): { readonly parameter: V; readonly slots: Slots };
}
