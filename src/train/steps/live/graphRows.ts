/**
 * @file The rows of the live form in a graph: what a run is fed, what it carries from step to step, and how rows join.
 * The groups are those of `layout.ts`. A batch may keep latents that are in no block. Their rows join one more group, the added rows.
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
  type GroupName,
  heldName,
  inGroup,
  otherNames,
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
  const groupOf = (i: GroupName) => ({
    [inGroup("latents", i)]: op.input("int64", [inGroup("rows", i)]),
    ...Object.fromEntries(
      fedNames(config, i).map((name) => [
        inGroup(name, i),
        op.input("float32", [inGroup("rows", i), shapes[name]![1]!]),
      ]),
    ),
  });
  return {
    ...pick(vectorNames(config), (name) => op.input("float32", shapes[name]!)),
    ...Object.assign({}, ...[...blockNames(config), ...otherNames(config)].map(groupOf)),
  };
}

/** What steps carry on, and what stays fixed during a run. */
export const carriedRows = (config: TrainConfig, inputs: Values): ReturnType<StepForm["carry"]> =>
  scope("carry", () => {
    const { slots, drift } = optimizerOf(config);
    const [blocks, drifting, others] = [blockNames(config), driftNames(config), otherNames(config)];
    const names = rowStateNames(config);
    const matrices = rowMatrices(config);
    const like = inputs.steps_since_fired!;
    const numbersOf = (i: GroupName) => inputs[inGroup("latents", i)] as Ints;
    const live = concat(blocks.map(numbersOf));
    const placesIn = (numbers: Ints) => inverse(numbers, like, positions(onesLike(numbers)));
    const mask = (numbers: Ints) => op.cast(inverse(numbers, like, onesLike(numbers)), "float32");
    const newRows = names.map((name) => [
      inGroup(name, blocks.length),
      op.slice(inputs[inGroup(name, 0)] as V, { axis: 0, to: 0 }),
    ]);
    const held = drifting.flatMap((i) =>
      matrices.flatMap((name) => {
        const before = pick(slots, (slot) => inputs[inGroup(slotName(slot, name), i)] as V);
        return Object.entries(drift.hold(before)).map(([slot, value]) => [heldName(slot, name), value]);
      }),
    );
    return {
      carried: {
        ...pick(
          [
            ...vectorNames(config),
            ...blocks.flatMap((i) => names.map((name) => inGroup(name, i))),
            ...drifting.flatMap((i) => matrices.map((name) => inGroup(name, i))),
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
            ...blocks.map((i) => inGroup("latents", i)),
            ...others.flatMap((i) => fedNames(config, i).map((name) => inGroup(name, i))),
          ],
          (name) => inputs[name]!,
        ),
        ...Object.fromEntries(held),
        ...Object.fromEntries(others.map((i) => [inGroup("is_in", i), mask(numbersOf(i))])),
        ...Object.fromEntries(others.map((i) => [inGroup("place_in", i), placesIn(numbersOf(i))])),
      },
    };
  });

/** A group of rows that a step updates. */
export interface Group {
  /** The latents of the rows. */
  readonly numbers: Ints;
  /** The rows of each state tensor, by its name. */
  readonly rows: StateValues;
  /** The latents that joined in this step. */
  readonly fresh?: Ints;
}

/** The groups that a step updates: the blocks, then the added rows. The latents that this batch adds come last. */
export function grow(config: TrainConfig, carried: Values, fixed: Values, used: V): Group[] {
  return scope("grow", () => {
    const names = rowStateNames(config);
    const rowsOf = (i: number) => pick(names, (name) => carried[inGroup(name, i)] as V);
    const blocks = blockNames(config).map((i) => ({ numbers: fixed[inGroup("latents", i)] as Ints, rows: rowsOf(i) }));
    const isFresh = op.sub(used, op.mul(used, carried.is_carried as V));
    // Slots are as they were at the start of the run. The scales hold what has decayed since.
    // A row at rest is not fed the slots that would move it: they are zero.
    const others = otherNames(config).map((i) => {
      const numbers = positions(op.mul(isFresh, fixed[inGroup("is_in", i)] as V));
      const places = op.gather(fixed[inGroup("place_in", i)] as Ints, numbers);
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

/** The matrices that latents are chosen by, whole and in the order of the latents. */
export function wholeMatrices(config: TrainConfig, carried: Values, fixed: Values): StateValues {
  const groups = [...blockNames(config), ...otherNames(config), blockCount(config)];
  return pick(scoring(config), (name) =>
    op.gather(concat(groups.map((i) => standing(carried, fixed, name, i)!)), carried.order as Ints),
  );
}

/** A tensor's rows in a group, as they are now. Rows that move are carried, all others are fixed. */
const standing = (carried: Values, fixed: Values, name: string, i: GroupName): V | undefined =>
  (carried[inGroup(name, i)] ?? fixed[inGroup(name, i)]) as V | undefined;

/** `order` holds the place of each latent's row. The rows of `fresh` get the next places behind the rows there are. */
export const placedLast = (order: Ints, added: Ints, fresh: Ints, latentDim: number): Ints => {
  const behind = op.slice(positions(onesLike(op.concat([added, fresh], 0))), { axis: 0, from: op.shape(added) });
  return op.scatterElements(order, fresh, op.add(behind, latentDim), { axis: 0 });
};

/** Names of the matrices that latents are chosen by. */
const scoring = (config: TrainConfig): string[] =>
  scoringParameters(config).filter((name) => rowMatrices(config).includes(name));

/** Lists or groups of rows, joined. */
export const concat = <D extends "float32" | "int64">(values: readonly Value<D>[]): Value<D> =>
  values.length === 1 ? values[0]! : op.concat(values as [Value<D>, ...Value<D>[]], 0);

/** Something for each name. */
export const pick = <T>(names: readonly string[], make: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, make(name)]));
