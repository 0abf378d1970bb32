/**
 * @file The live-rows form. A latent that has never been kept has zero gradient, so its moments are exactly zero and its
 * parameters have never moved; one that has not been kept for long has come to rest (`liveRows.ts`). Only the other rows of
 * the weight matrices, the "live" ones, are carried, with their moments: in blocks that fit the processor's cache, and one
 * more of the latents kept for the first time in this run. Of these a batch uses few: the loss is that of the small SAE made of
 * the latents kept somewhere in the batch ("active"), whose gradients by ordinary autodiff are the non-zero rows of the whole
 * gradient. The numbers are those of the dense form; what a latent that never fires costs is its share of the encoder's product.
 */
import { gradients } from "../../autodiff/gradients.ts";
import { customGradient } from "../../graph/alias.ts";
import * as op from "../../graph/ops.ts";
import { dependsOn, scope, type Value } from "../../graph/value.ts";
import { type Gradient, rowSparse, whole } from "../../optim/optimizer.ts";
import type { Keep } from "../../sae/architecture.ts";
import type { TrainConfig } from "../../sae/config.ts";
import { place } from "../../sae/parts.ts";
import { architectureOf, parametersOf } from "../../sae/spec.ts";
import { optimizerOf, slotName } from "../state.ts";
import { LiveRows, rowMatrices } from "./liveRows.ts";
import { projected, stepsSinceFired, totalLoss, updated } from "./parts.ts";
import type { StateValues, StepForm } from "./step.ts";

type V = Value<"float32">;
type Ints = Value<"int64">;

/** Steps that touch only latents kept so far; for architectures whose loss only the kept latents have a part in. */
export const live: StepForm = {
  name: "live",
  describe: "moments and updates for latents kept so far only, gradients for those of the batch only",
  grows: true,
  extra: () => ({ live: op.input("int64", ["live"]) }),
  host: (config, state) => new LiveRows(config, state),

  carry: (config, origin, { live }) =>
    scope("carry", () => {
      const all = positions(onesLike(origin.steps_since_fired!));
      const is_live = op.cast(inverse(live as Ints, origin.steps_since_fired!, onesLike(live!)), "float32");
      const dead = positions(op.sub(1, is_live));
      const count = op.shape(live!);
      const bound = (i: number) => op.div(op.mul(count, i), blockCount(config));
      const blocks = Array.from({ length: blockCount(config) }, (_, i) =>
        op.slice(live as Ints, { axis: 0, from: bound(i), to: bound(i + 1) }),
      );
      const rowNames = rowStateNames(config);
      const carried: Record<string, Value> = { ...without(origin, rowNames), is_live };
      for (const [i, rows] of [...blocks, op.slice(live as Ints, { axis: 0, to: 0 })].entries())
        for (const name of rowNames) carried[part(name, i)] = op.gather(origin[name]!, rows);
      carried.added = op.slice(live as Ints, { axis: 0, to: 0 });
      carried.order = inverse(op.concat([live as Ints, dead], 0), origin.steps_since_fired!, all);
      for (const slot of Object.keys(optimizerOf(config).rest.decay)) carried[rested(slot)] = op.scalarOf("float32", 1);
      const fixed: Record<string, Value> = { dead };
      for (const [i, rows] of blocks.entries()) fixed[part("live", i)] = rows;
      for (const name of scoringMatrices(config)) fixed[part(name, "dead")] = op.gather(origin[name]!, dead);
      return { carried, fixed };
    }),

  given: (config, { added, is_live: _, order: __, ...carried }, fixed) =>
    scope("given", () => {
      const rowNames = rowStateNames(config);
      const parts = Array.from({ length: blockCount(config) + 1 }, (_, i) => i);
      const joined = rowNames.map((name) => [name, concat(parts.map((i) => carried[part(name, i)] as V))] as const);
      const rest = without(
        carried,
        rowNames.flatMap((name) => parts.map((i) => part(name, i))),
      );
      const live = concat([...parts.slice(0, -1).map((i) => fixed[part("live", i)] as Ints), added as Ints]);
      return { ...rest, ...Object.fromEntries(joined), live };
    }),

  step(config, x, carried, origin, fixed) {
    const sae = architectureOf(config);
    const optimizer = optimizerOf(config);
    const state = carried as StateValues;
    const matrices = rowMatrices(config);
    const blocks = blockCount(config);

    // The whole matrices that latents are chosen by: the blocks, the dead, the new, in the order of their latents.
    const whole_ = Object.fromEntries(
      scoringMatrices(config).map((name) => [
        name,
        op.gather(
          concat([
            ...range(blocks).map((i) => state[part(name, i)]!),
            fixed[part(name, "dead")] as V,
            state[part(name, blocks)]!,
          ]),
          carried.order as Ints,
        ),
      ]),
    );
    const kept = chooseLatents(config, x, { ...state, ...whole_ });

    const grown = scope("grow", () => {
      const added = positions(op.sub(kept.used, op.mul(kept.used, carried.is_live as V)));
      const all = op.concat([carried.added as Ints, added], 0);
      const places = op.slice(positions(onesLike(all)), { axis: 0, from: op.shape(carried.added!) });
      const order = op.scatterElements(carried.order as Ints, added, op.add(places, config.latentDim), { axis: 0 });
      return { added, all, order, isLive: op.max(carried.is_live as V, kept.used) };
    });
    /** Rows of a part before this step; those that are new come from where they rest. */
    const rowsOf = (name: string, i: number): V => {
      const rows = state[part(name, i)]!;
      return i < blocks ? rows : op.concat([rows, op.gather(origin[name]!, grown.added)], 0);
    };
    const slotRowsOf = (slot: string, name: string, i: number): V => {
      const rows = state[part(slotName(slot, name), i)]!;
      if (i < blocks) return rows;
      const resting = op.gather(origin[slotName(slot, name)]!, grown.added);
      const since = state[rested(slot)];
      return op.concat([rows, since ? op.mul(resting, since) : op.zerosLike(resting)], 0);
    };
    const liveOf = (i: number) => (i < blocks ? (fixed[part("live", i)] as Ints) : grown.all);
    // Which rows of each part are active.
    const local = scope("active", () => range(blocks + 1).map((i) => positions(op.gather(kept.used, liveOf(i)))));
    const active = scope("active", () => concat(local.map((rows, i) => op.gather(liveOf(i), rows))));
    const rows = scope("grow", () =>
      pick(matrices, (name) => range(blocks + 1).map((i) => rowsOf(name, i))),
    );

    // The small SAE of the active latents.
    const parameters = parametersOf(config);
    const small = scope("active", () =>
      pick(Object.keys(parameters), (name) =>
        rows[name]
          ? concat(local.map((places, i) => op.gather(rows[name]![i]!, places)))
          : parameters[name]!.perLatent
            ? op.gather(state[name]!, active)
            : state[name]!,
      ),
    );
    const again = kept.among(active);
    const code = scope("encode", () => sae.encode(x, small, config.options, again));
    const xHat = scope("decode", () => sae.decode(code.z, small, config.options));
    const loss = totalLoss(config, { x, xHat, code, params: small, stepsSinceFired: state.steps_since_fired! });
    const gradient: StateValues = gradients(loss, small);

    const scalars = scope("schedule", () => optimizer.advance(state));
    const next: Record<string, Value> = { ...scalars, added: grown.all, is_live: grown.isLive, order: grown.order };
    for (const [slot, factor] of Object.entries(optimizer.rest.decay)) next[rested(slot)] = op.mul(state[rested(slot)]!, factor);
    const bounds = scope("active", () => boundsOf(local));
    for (const [name, g] of Object.entries(gradient))
      scope(`update/${name}`, () => {
        const narrow = projected(config, name, small[name]!, g);
        const put = (key: (name: string) => string, given: { parameter: V; gradient: Gradient; slots: StateValues }) => {
          const after = updated(config, name, { ...given, scalars });
          next[key(name)] = after.parameter;
          for (const [slot, value] of Object.entries(after.slots)) next[key(slotName(slot, name))] = value;
        };
        if (!rows[name]) {
          const gradient = parameters[name]!.perLatent ? rowSparse(active, narrow) : whole(narrow);
          put((name) => name, { parameter: state[name]!, gradient, slots: pick(optimizer.slots, (slot) => state[slotName(slot, name)]!) });
        } else
          for (const i of range(blocks + 1))
            put((name) => part(name, i), {
              parameter: rows[name]![i]!,
              gradient: rowSparse(local[i]!, op.slice(narrow, { axis: 0, ...bounds[i] })),
              slots: pick(optimizer.slots, (slot) => slotRowsOf(slot, name, i)),
            });
      });
    next.steps_since_fired = scope("fired", () => stepsSinceFired(code, state.steps_since_fired!));
    return { carried: next, loss };
  },
};

/** About so many bytes make a block where every row is live. */
const blockBytes = 2 ** 22;
const blockCount = ({ latentDim, inputDim }: TrainConfig) => Math.ceil((4 * latentDim * inputDim) / blockBytes);
const part = (name: string, i: number | "dead") => `${name}.${i}`;
const rested = (slot: string) => `rested.${slot}`;
const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const concat = <D extends "float32" | "int64">(values: readonly Value<D>[]): Value<D> =>
  op.concat(values as [Value<D>, ...Value<D>[]], 0);

/** Names of the state tensors that are carried as rows: the matrices and their slots. */
const rowStateNames = (config: TrainConfig): string[] =>
  rowMatrices(config).flatMap((name) => [name, ...optimizerOf(config).slots.map((slot) => slotName(slot, name))]);

/** The matrices that the choice of latents needs whole. */
function scoringMatrices(config: TrainConfig): string[] {
  const params = Object.fromEntries(
    Object.entries(parametersOf(config)).map(([name, { shape }]) => [name, op.input("float32", shape)]),
  );
  const { scores } = scored(config, op.input("float32", ["batch", config.inputDim]), params);
  return rowMatrices(config).filter((name) => dependsOn(scores, params[name]!));
}

const pick = <T>(names: readonly string[], make: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, make(name)]));
const without = <T>(values: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));

/** Numbers of the entries that are not zero, ascending. */
const positions = (mask: Value): Ints => op.reshape(op.nonZero(mask), [-1]);
const onesLike = (x: Value): Ints => op.expand(op.scalarOf("int64", 1), op.shape(x));
/** `values` at their `places`, zero elsewhere; as long as `like`. */
const inverse = (places: Ints, like: Value, values: Ints): Ints =>
  op.scatterElements(op.expand(op.scalarOf("int64", 0), op.shape(like)), places, values, { axis: 0 });
/** From where to where each of some parts reaches when they are joined. */
function boundsOf(parts: readonly Ints[]): { from: Ints; to: Ints }[] {
  let from = op.ints(0);
  return parts.map((one) => {
    const bounds = { from, to: op.add(from, op.shape(one)) };
    from = bounds.to;
    return bounds;
  });
}

/** What an architecture would choose by, and among what: its pre-activations and scores `[batch, latentDim]`, and k. */
function scored(config: TrainConfig, x: V, params: StateValues): { pre: V; scores: V; k: number } {
  let seen: { pre: V; scores: V; k: number } | undefined;
  const notice: Keep = (pre, scores, k) => {
    seen = { pre, scores, k };
    return { z: pre };
  };
  architectureOf(config).encode(x, params, config.options, notice);
  return seen!;
}

/**
 * The latents a batch keeps: `used [latentDim]` is 1 for those kept in some row. `among` keeps the same ones in the small SAE
 * of the `active` latents.
 */
function chooseLatents(config: TrainConfig, x: V, state: StateValues) {
  return scope("choose", () => {
    const { pre, scores, k } = scored(config, x, state);
    const { indices } = op.topK(scores, k);
    const known = op.gatherElements(pre, indices);
    const flat = op.reshape(indices, [-1]);
    const ones = op.expand(op.scalarOf("float32", 1), op.shape(flat));
    const used = op.scatterElements(op.zerosLike(state.steps_since_fired!), flat, ones, { axis: 0 });

    const among = (active: Ints): Keep =>
      scope("choose", () => {
        const places = inverse(active, used, positions(onesLike(active)));
        const local = op.reshape(op.gather(places, flat), op.shape(indices));
        const rows = op.slice(op.shape(x), { axis: 0, to: 1 });
        const zeros = op.expand(op.scalarOf("float32", 0), op.concat([rows, op.shape(active)], 0));
        /** The values are known already; their gradient goes to where they would have come from. */
        return (pre, _scores, _k, act = (values) => values) => {
          const [kept] = customGradient(
            [pre],
            () => [known] as const,
            ([dy]) => [dy && op.scatterElements(zeros, local, dy)],
          );
          const values = act(kept);
          return { z: place(values, local, zeros), top: { values, indices } };
        };
      });
    return { used, among };
  });
}
