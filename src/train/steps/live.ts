/**
 * @file The live-rows form. A latent that has never been kept has zero gradient, so its moments are exactly zero and its
 * parameters have never moved; one that has not been kept for long has come to rest (`liveRows.ts`). Only the other rows of
 * the weight matrices, the "live" ones, are carried, with their moments: in blocks (`liveLayout.ts`), and one more part of the
 * latents kept for the first time in this run. Of these a batch uses few: the loss is that of the small SAE made of
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
import { optimizerOf, stateShapes } from "../state.ts";
import { chooseLatents, scoringParameters } from "./choose.ts";
import { blockCount, part, restNames, rowMatrices, rowStateNames, scaleName, vectorNames } from "./liveLayout.ts";
import { LiveRows } from "./liveRows.ts";
import { projected, stepsSinceFired, totalLoss, updated } from "./parts.ts";
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
    const partOf = (i: number | "rest", names: readonly string[]) => ({
      [part("latents", i)]: op.input("int64", [part("rows", i)]),
      ...Object.fromEntries(
        names.map((name) => [part(name, i), op.input("float32", [part("rows", i), shapes[name]![1]!])]),
      ),
    });
    return {
      ...pick(vectorNames(config), (name) => op.input("float32", shapes[name]!)),
      ...Object.assign({}, ...range(blockCount(config)).map((i) => partOf(i, rowStateNames(config)))),
      ...partOf("rest", restNames(config)),
    };
  },

  carry: (config, inputs) =>
    scope("carry", () => {
      const blocks = range(blockCount(config));
      const names = rowStateNames(config);
      const like = inputs.steps_since_fired!;
      const live = concat(blocks.map((i) => inputs[part("latents", i)] as Ints));
      const rest = inputs[part("latents", "rest")] as Ints;
      const newRows = names.map((name) => [
        part(name, blocks.length),
        op.slice(inputs[part(name, 0)] as V, { axis: 0, to: 0 }),
      ]);
      return {
        carried: {
          ...pick(
            [...vectorNames(config), ...blocks.flatMap((i) => names.map((name) => part(name, i)))],
            (name) => inputs[name]!,
          ),
          ...Object.fromEntries(newRows),
          added: op.slice(live, { axis: 0, to: 0 }),
          is_live: op.cast(inverse(live, like, onesLike(live)), "float32"),
          order: inverse(op.concat([live, rest], 0), like, positions(onesLike(like))),
          ...pick(optimizerOf(config).slots.map(scaleName), () => op.scalarOf("float32", 1)),
        },
        fixed: {
          ...pick(
            [...blocks.map((i) => part("latents", i)), ...restNames(config).map((name) => part(name, "rest"))],
            (name) => inputs[name]!,
          ),
          place_in_rest: inverse(rest, like, positions(onesLike(rest))),
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

/** The parts in a step: the blocks, and last the rows that came to life in this run, with those of this step behind them. */
function grow(config: TrainConfig, carried: Values, fixed: Values, used: V): Part[] {
  return scope("grow", () => {
    const names = rowStateNames(config);
    const last = blockCount(config);
    const carriedRows = (i: number) => pick(names, (name) => carried[part(name, i)] as V);
    const blocks = range(last).map((i) => ({ numbers: fixed[part("latents", i)] as Ints, rows: carriedRows(i) }));
    const fresh = positions(op.sub(used, op.mul(used, carried.is_live as V)));
    const places = op.gather(fixed.place_in_rest as Ints, fresh);
    // As they were when the run started: the scales say what has decayed since. What would move them is zero.
    const resting = (name: string) =>
      restNames(config).includes(name)
        ? op.gather(fixed[part(name, "rest")] as V, places)
        : op.expand(
            op.scalarOf("float32", 0),
            op.concat([op.shape(fresh), op.ints(stateShapes(config)[name]![1]!)], 0),
          );
    const before = carriedRows(last);
    const rows = pick(names, (name) => op.concat([before[name]!, resting(name)], 0));
    return [...blocks, { numbers: op.concat([carried.added as Ints, fresh], 0), rows, fresh }];
  });
}

/** The matrices that latents are chosen by, whole: blocks, rest, and new rows, in the order of their latents. */
function wholeMatrices(config: TrainConfig, carried: Values, fixed: Values): StateValues {
  const last = blockCount(config);
  return pick(scoring(config), (name) => {
    const blocks = range(last).map((i) => carried[part(name, i)] as V);
    const rows = concat([...blocks, fixed[part(name, "rest")] as V, carried[part(name, last)] as V]);
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
  op.concat(values as [Value<D>, ...Value<D>[]], 0);
const pick = <T>(names: readonly string[], make: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, make(name)]));
