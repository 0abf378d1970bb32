/**
 * @file The rows of the live form inside a graph: what a run is fed of them (`liveLayout.ts`), what it carries, and how rows come to be
 * carried that were not when it started. A step sees parts: the blocks, and one more of the latents that a batch of this run has kept and
 * that are in no block.
 */

import type { TrainConfig } from "../../../config/config.ts";
import type { Values } from "../../../graph/control.ts";
import * as op from "../../../graph/ops.ts";
import { scope, type Value } from "../../../graph/value.ts";
import { optimizerOf, slotName, stateShapes } from "../../state.ts";
import type { StateValues, StepForm } from "../form.ts";
import { scoringParameters } from "./choose.ts";
import {
  blockCount,
  blockNames,
  driftNames,
  fedNames,
  heldName,
  otherNames,
  type PartName,
  part,
  rowMatrices,
  rowStateNames,
  scaleName,
  vectorNames,
} from "./layout.ts";
import { inverse, onesLike, positions } from "./places.ts";

type V = Value<"float32">;
type Ints = Value<"int64">;

/** What a run is fed besides its batches. */
export function liveInputs(config: TrainConfig): Values {
  const shapes = stateShapes(config);
  const partOf = (i: PartName) => ({
    [part("latents", i)]: op.input("int64", [part("rows", i)]),
    ...Object.fromEntries(
      fedNames(config, i).map((name) => [part(name, i), op.input("float32", [part("rows", i), shapes[name]![1]!])]),
    ),
  });
  return {
    ...pick(vectorNames(config), (name) => op.input("float32", shapes[name]!)),
    ...Object.assign({}, ...[...blockNames(config), ...otherNames(config)].map(partOf)),
  };
}

/** What is carried from step to step, and what stays as it is for all steps of a run. */
export const carriedRows = (config: TrainConfig, inputs: Values): ReturnType<StepForm["carry"]> =>
  scope("carry", () => {
    const { slots, drift } = optimizerOf(config);
    const [blocks, drifting, others] = [blockNames(config), driftNames(config), otherNames(config)];
    const names = rowStateNames(config);
    const matrices = rowMatrices(config);
    const like = inputs.steps_since_fired!;
    const numbersOf = (i: PartName) => inputs[part("latents", i)] as Ints;
    const live = concat(blocks.map(numbersOf));
    const placesIn = (numbers: Ints) => inverse(numbers, like, positions(onesLike(numbers)));
    const mask = (numbers: Ints) => op.cast(inverse(numbers, like, onesLike(numbers)), "float32");
    const newRows = names.map((name) => [
      part(name, blocks.length),
      op.slice(inputs[part(name, 0)] as V, { axis: 0, to: 0 }),
    ]);
    const held = drifting.flatMap((i) =>
      matrices.flatMap((name) => {
        const before = pick(slots, (slot) => inputs[part(slotName(slot, name), i)] as V);
        return Object.entries(drift.hold(before)).map(([slot, value]) => [heldName(slot, name), value]);
      }),
    );
    return {
      carried: {
        ...pick(
          [
            ...vectorNames(config),
            ...blocks.flatMap((i) => names.map((name) => part(name, i))),
            ...drifting.flatMap((i) => matrices.map((name) => part(name, i))),
          ],
          (name) => inputs[name]!,
        ),
        ...Object.fromEntries(newRows),
        added: op.slice(live, { axis: 0, to: 0 }),
        is_carried: mask(live),
        order: placesIn(concat([live, ...others.map(numbersOf)])),
        ...pick(slots.map(scaleName), () => op.scalarOf("float32", 1)),
      },
      fixed: {
        ...pick(
          [
            ...blocks.map((i) => part("latents", i)),
            ...others.flatMap((i) => fedNames(config, i).map((name) => part(name, i))),
          ],
          (name) => inputs[name]!,
        ),
        ...Object.fromEntries(held),
        ...Object.fromEntries(others.map((i) => [part("is_in", i), mask(numbersOf(i))])),
        ...Object.fromEntries(others.map((i) => [part("place_in", i), placesIn(numbersOf(i))])),
      },
    };
  });

/** Some live rows: the latents they belong to, ascending in a block, and all that is carried of them by name. */
export interface Part {
  readonly numbers: Ints;
  readonly rows: StateValues;
  /** The numbers that were not live before this step. */
  readonly fresh?: Ints;
}

/** The parts in a step: the blocks, and last the rows this run's batches have kept beside them, with those of this step behind. */
export function grow(config: TrainConfig, carried: Values, fixed: Values, used: V): Part[] {
  return scope("grow", () => {
    const names = rowStateNames(config);
    const rowsOf = (i: number) => pick(names, (name) => carried[part(name, i)] as V);
    const blocks = blockNames(config).map((i) => ({ numbers: fixed[part("latents", i)] as Ints, rows: rowsOf(i) }));
    const isFresh = op.sub(used, op.mul(used, carried.is_carried as V));
    // Slots are as they were when the run started: the scales say what has decayed since. What would move a row at rest is zero.
    const others = otherNames(config).map((i) => {
      const numbers = positions(op.mul(isFresh, fixed[part("is_in", i)] as V));
      const places = op.gather(fixed[part("place_in", i)] as Ints, numbers);
      const woken = (name: string) => {
        const rows = standing(carried, fixed, name, i);
        if (rows) return op.gather(rows, places);
        const width = op.ints(stateShapes(config)[name]![1]!);
        return op.expand(op.scalarOf("float32", 0), op.concat([op.shape(places), width], 0));
      };
      return { numbers, woken };
    });
    const before = rowsOf(blockCount(config));
    const rows = pick(names, (name) => concat([before[name]!, ...others.map(({ woken }) => woken(name))]));
    const fresh = concat(others.map(({ numbers }) => numbers));
    return [...blocks, { numbers: op.concat([carried.added as Ints, fresh], 0), rows, fresh }];
  });
}

/** The matrices that latents are chosen by, whole: the parts as they were fed, and new rows, in the order of their latents. */
export function wholeMatrices(config: TrainConfig, carried: Values, fixed: Values): StateValues {
  const parts = [...blockNames(config), ...otherNames(config), blockCount(config)];
  return pick(scoring(config), (name) =>
    op.gather(concat(parts.map((i) => standing(carried, fixed, name, i)!)), carried.order as Ints),
  );
}

/** A tensor's rows in a part, where they are now: only what moves is carried. */
const standing = (carried: Values, fixed: Values, name: string, i: PartName): V | undefined =>
  (carried[part(name, i)] ?? fixed[part(name, i)]) as V | undefined;

/** `order` says where each latent's row stands: the rows of `fresh` stand behind all rows there were when the run started. */
export const placedLast = (order: Ints, added: Ints, fresh: Ints, latentDim: number): Ints => {
  const behind = op.slice(positions(onesLike(op.concat([added, fresh], 0))), { axis: 0, from: op.shape(added) });
  return op.scatterElements(order, fresh, op.add(behind, latentDim), { axis: 0 });
};

/** The matrices that the choice of latents needs whole. */
const scoring = (config: TrainConfig): string[] =>
  scoringParameters(config).filter((name) => rowMatrices(config).includes(name));

/** Parts joined, one row after another. */
export const concat = <D extends "float32" | "int64">(values: readonly Value<D>[]): Value<D> =>
  values.length === 1 ? values[0]! : op.concat(values as [Value<D>, ...Value<D>[]], 0);

/** Something for each name. */
export const pick = <T>(names: readonly string[], make: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, make(name)]));
