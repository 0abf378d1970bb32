/**
 * @file The live-rows form. A latent that has never been kept has zero gradient, so its moments are exactly zero and its
 * parameters have never moved; one that has not been kept for long has come to rest (`liveRows.ts`). Only the other rows of
 * the weight matrices, the "live" ones, are carried: those kept of late with their moments, in blocks; those that only drift by
 * the moments they had when the run started, without (`liveLayout.ts`). One more part are the latents that a batch of this run keeps
 * and that are in no block. Of these rows a batch uses few: the loss is that of the small SAE made of
 * the latents kept somewhere in the batch ("active"), whose gradients by ordinary autodiff are the non-zero rows of the whole
 * gradient. The numbers are those of the dense form; what a latent that never fires costs is its share of the encoder's product.
 */
import { gradients } from "../../autodiff/gradients.ts";
import type { Values } from "../../graph/control.ts";
import * as op from "../../graph/ops.ts";
import { scope, type Value } from "../../graph/value.ts";
import { rowSparse, whole } from "../../optim/optimizer.ts";
import type { TrainConfig } from "../../sae/config.ts";
import { architectureOf, parametersOf } from "../../sae/spec.ts";
import { optimizerOf, slotName, stateShapes } from "../state.ts";
import { chooseLatents, scoringParameters } from "./choose.ts";
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
} from "./liveLayout.ts";
import { LiveRows } from "./liveRows.ts";
import { drifted, projected, stepsSinceFired, totalLoss, updated } from "./parts.ts";
import { boundsOf, inverse, onesLike, positions } from "./places.ts";
import type { StateValues, StepForm } from "./step.ts";

type V = Value<"float32">;
type Ints = Value<"int64">;

/** Steps that touch only live rows; for architectures whose loss only the kept latents have a part in. */
export const live: StepForm = {
  name: "live",
  describe: "moments and updates for latents kept so far only, gradients for those of the batch only",
  grows: true,
  host: (config, state) => new LiveRows(config, state),

  inputs: (config) => {
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
  },

  carry: (config, inputs) =>
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
          is_live: mask(live),
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
    }),

  // In units of the scales: in a graph the product would take the room of all slots once more.
  given: ({ is_live: _, order: __, ...carried }) => carried,

  step(config, x, carried, fixed) {
    const sae = architectureOf(config);
    const optimizer = optimizerOf(config);
    const parameters = parametersOf(config);
    const state = carried as StateValues;
    const kept = chooseLatents(config, x, { ...state, ...wholeMatrices(config, carried, fixed) });
    const grown = grow(config, carried, fixed, kept.used);

    // Of each part, the places of the rows the batch uses: the small SAE is made of them.
    const places = scope("active", () => grown.map(({ numbers }) => positions(op.gather(kept.used, numbers))));
    const active = scope("active", () => concat(grown.map(({ numbers }, i) => op.gather(numbers, places[i]!))));
    const bounds = scope("active", () => boundsOf(places));
    const matrices = rowMatrices(config);
    const small = scope("active", () =>
      pick(Object.keys(parameters), (name) => {
        if (matrices.includes(name)) return concat(grown.map(({ rows }, i) => op.gather(rows[name]!, places[i]!)));
        return parameters[name]!.perLatent ? op.gather(state[name]!, active) : state[name]!;
      }),
    );
    const again = kept.among(active);
    const code = scope("encode", () => sae.encode(x, small, config.options, again));
    const xHat = scope("decode", () => sae.decode(code.z, small, config.options));
    const loss = totalLoss(config, { x, xHat, code, params: small, stepsSinceFired: state.steps_since_fired! });
    const gradient: StateValues = gradients(loss, small);

    const { scalars, scales } = scope("schedule", () => ({
      scalars: optimizer.advance(state),
      scales: pick(optimizer.slots, (slot) => op.mul(state[scaleName(slot)]!, optimizer.decay[slot]!)),
    }));
    const next: Record<string, Value> = { ...scalars };
    for (const [name, g] of Object.entries(gradient))
      scope(`update/${name}`, () => {
        const narrow = projected(config, name, small[name]!, g);
        if (!matrices.includes(name)) {
          const own = parameters[name]!.perLatent ? rowSparse(active, narrow) : whole(narrow);
          Object.assign(next, updated(config, name, state, { gradient: own, scalars }));
        } else
          for (const [i, { rows }] of grown.entries()) {
            const own = rowSparse(places[i]!, op.slice(narrow, { axis: 0, ...bounds[i] }));
            const after = updated(config, name, rows, { gradient: own, scales, scalars });
            for (const [key, value] of Object.entries(after)) next[part(key, i)] = value;
          }
      });
    for (const i of driftNames(config))
      for (const name of matrices)
        scope(`drift/${name}`, () => {
          const held = pick(optimizer.slots, (slot) => fixed[heldName(slot, name)] as V);
          const parameter = carried[part(name, i)] as V;
          next[part(name, i)] = drifted(config, name, { parameter, held, scales, scalars });
        });

    const { numbers: added, fresh } = grown.at(-1)!;
    return {
      carried: {
        ...next,
        added,
        ...scope("grow", () => ({
          is_live: op.max(carried.is_live as V, kept.used),
          order: placedLast(carried.order as Ints, carried.added as Ints, fresh!, config.latentDim),
        })),
        ...Object.fromEntries(optimizer.slots.map((slot) => [scaleName(slot), scales[slot]!])),
        steps_since_fired: scope("fired", () => stepsSinceFired(code, state.steps_since_fired!)),
      },
      loss,
    };
  },
};

/** Some live rows: the latents they belong to, ascending in a block, and all that is carried of them by name. */
interface Part {
  readonly numbers: Ints;
  readonly rows: StateValues;
  /** The numbers that were not live before this step. */
  readonly fresh?: Ints;
}

/** The parts in a step: the blocks, and last the rows this run's batches have kept beside them, with those of this step behind. */
function grow(config: TrainConfig, carried: Values, fixed: Values, used: V): Part[] {
  return scope("grow", () => {
    const names = rowStateNames(config);
    const last = blockCount(config);
    const carriedRows = (i: number) => pick(names, (name) => carried[part(name, i)] as V);
    const blocks = range(last).map((i) => ({ numbers: fixed[part("latents", i)] as Ints, rows: carriedRows(i) }));
    const isFresh = op.sub(used, op.mul(used, carried.is_live as V));
    // Slots are as they were when the run started: the scales say what has decayed since. What would move a row at rest is zero.
    const others = otherNames(config).map((i) => {
      const numbers = positions(op.mul(isFresh, fixed[part("is_in", i)] as V));
      const places = op.gather(fixed[part("place_in", i)] as Ints, numbers);
      const rowsOf = (name: string) => {
        const rows = carried[part(name, i)] ?? fixed[part(name, i)];
        if (rows) return op.gather(rows as V, places);
        const width = op.ints(stateShapes(config)[name]![1]!);
        return op.expand(op.scalarOf("float32", 0), op.concat([op.shape(places), width], 0));
      };
      return { numbers, rowsOf };
    });
    const before = carriedRows(last);
    const rows = pick(names, (name) => concat([before[name]!, ...others.map(({ rowsOf }) => rowsOf(name))]));
    const fresh = concat(others.map(({ numbers }) => numbers));
    return [...blocks, { numbers: op.concat([carried.added as Ints, fresh], 0), rows, fresh }];
  });
}

/** The matrices that latents are chosen by, whole: the parts as they were fed, and new rows, in the order of their latents. */
function wholeMatrices(config: TrainConfig, carried: Values, fixed: Values): StateValues {
  const last = blockCount(config);
  return pick(scoring(config), (name) => {
    const blocks = range(last).map((i) => carried[part(name, i)] as V);
    const others = otherNames(config).map((i) => (carried[part(name, i)] ?? fixed[part(name, i)]) as V);
    const rows = concat([...blocks, ...others, carried[part(name, last)] as V]);
    return op.gather(rows, carried.order as Ints);
  });
}

/** `order` says where each latent's row stands: the rows of `fresh` stand behind all rows there were when the run started. */
const placedLast = (order: Ints, added: Ints, fresh: Ints, latentDim: number): Ints => {
  const behind = op.slice(positions(onesLike(op.concat([added, fresh], 0))), { axis: 0, from: op.shape(added) });
  return op.scatterElements(order, fresh, op.add(behind, latentDim), { axis: 0 });
};

/** The matrices that the choice of latents needs whole. */
const scoring = (config: TrainConfig): string[] =>
  scoringParameters(config).filter((name) => rowMatrices(config).includes(name));
const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const concat = <D extends "float32" | "int64">(values: readonly Value<D>[]): Value<D> =>
  values.length === 1 ? values[0]! : op.concat(values as [Value<D>, ...Value<D>[]], 0);
const pick = <T>(names: readonly string[], make: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, make(name)]));
