/**
 * @file The live-rows form. A latent that has never been kept has zero gradient, so its moments are exactly zero and its
 * parameters have never moved: only the rows kept so far ("live") are carried, with their moments, and grow as latents are
 * kept for the first time. Of these a batch uses few: the loss is that of the small SAE made of the latents kept somewhere
 * in the batch ("active"), whose gradients by ordinary autodiff are the non-zero rows of the whole gradient. The numbers are
 * those of the dense form; what a latent that never fires costs is its share of the encoder's product.
 */
import { gradients } from "../../autodiff/gradients.ts";
import { customGradient } from "../../graph/alias.ts";
import * as op from "../../graph/ops.ts";
import { dependsOn, scope, type Value } from "../../graph/value.ts";
import { rowSparse, whole } from "../../optim/optimizer.ts";
import type { Keep } from "../../sae/architecture.ts";
import type { TrainConfig } from "../../sae/config.ts";
import { place } from "../../sae/parts.ts";
import { architectureOf, parametersOf } from "../../sae/spec.ts";
import { optimizerOf, slotName } from "../state.ts";
import { projected, stepsSinceFired, totalLoss, updated } from "./parts.ts";
import type { StateValues, StepForm } from "./step.ts";

type V = Value<"float32">;
type Ints = Value<"int64">;

/** Steps that touch only latents kept so far; for architectures whose loss only the kept latents have a part in. */
export const live: StepForm = {
  name: "live",
  describe: "moments and updates for latents kept so far only, gradients for those of the batch only",
  grows: true,

  carry: (config, origin) =>
    scope("carry", () => {
      const { perLatent, inRows } = split(config);
      const moments = momentNames(config, perLatent);
      const moving = moments
        .map((name) => op.abs(origin[name]!))
        .map((size) => (size.shape.length > 1 ? op.reduceSum(size, { axes: [1] }) : size))
        .reduce<V>((sum, one) => op.add(sum, one), op.zerosLike(origin.steps_since_fired!));
      const is_live = op.cast(op.greater(moving, 0), "float32");
      const live = positions(is_live);
      return { ...origin, ...pick([...inRows, ...moments], (name) => op.gather(origin[name]!, live)), live, is_live };
    }),

  canonical: (config, { live, is_live: _, ...carried }, origin) =>
    scope("canonical", () => {
      const { perLatent, inRows } = split(config);
      const state = carried as StateValues;
      const put = (into: V, name: string) => op.scatterND(into, op.unsqueeze(live as Ints, [1]), state[name]!);
      return {
        ...state,
        ...pick(inRows, (name) => put(origin[name]!, name)),
        ...pick(momentNames(config, perLatent), (name) => put(op.zerosLike(origin[name]!), name)),
      };
    }),

  step(config, x, carried, origin) {
    const sae = architectureOf(config);
    const { perLatent, inRows } = split(config);
    const state = carried as StateValues;
    const kept = chooseLatents(config, x, state);
    const grown = growLive(carried.live as Ints, carried.is_live as V, kept.used);
    const places = scope("grow", () => op.cast(op.gather(grown.place, kept.active), "int64"));
    const fresh = scope("grow", () => pick(perLatent, (name) => op.gather(origin[name]!, grown.added)));
    const append = (rows: V, more: V) => op.concat([rows, more], 0);
    const rows = scope("grow", () =>
      pick(perLatent, (name) =>
        inRows.includes(name) ? append(state[name]!, fresh[name]!) : op.gather(state[name]!, grown.live),
      ),
    );

    // The small SAE of the active latents.
    const active = scope("active", () =>
      pick(Object.keys(parametersOf(config)), (name) => (rows[name] ? op.gather(rows[name], places) : state[name]!)),
    );
    const code = scope("encode", () => sae.encode(x, active, config.options, kept.again));
    const xHat = scope("decode", () => sae.decode(code.z, active, config.options));
    const loss = totalLoss(config, { x, xHat, code, params: active, stepsSinceFired: state.steps_since_fired! });
    const gradient: StateValues = gradients(loss, active);

    const optimizer = optimizerOf(config);
    const scalars = scope("schedule", () => optimizer.advance(state));
    const next: Record<string, Value> = { ...scalars, live: grown.live, is_live: grown.isLive };
    for (const [name, g] of Object.entries(gradient))
      scope(`update/${name}`, () => {
        const narrow = projected(config, name, active[name]!, g);
        const slots = pick(optimizer.slots, (slot) => {
          const before = state[slotName(slot, name)]!;
          return rows[name] ? append(before, op.zerosLike(fresh[name]!)) : before;
        });
        const given = rows[name]
          ? { parameter: rows[name], gradient: rowSparse(places, narrow), slots, scalars }
          : { parameter: state[name]!, gradient: whole(narrow), slots, scalars };
        const after = updated(config, name, given);
        const back = rows[name] && !inRows.includes(name);
        next[name] = back
          ? op.scatterND(state[name]!, op.unsqueeze(grown.live, [1]), after.parameter)
          : after.parameter;
        for (const [slot, value] of Object.entries(after.slots)) next[slotName(slot, name)] = value;
      });
    next.steps_since_fired = scope("fired", () => stepsSinceFired(code, state.steps_since_fired!));
    return { carried: next, loss };
  },
};

/**
 * `perLatent`: parameters with one row per latent. `inRows`: those of them that are carried as live rows alone; what the
 * choice of latents needs is carried whole.
 */
function split(config: TrainConfig): { perLatent: string[]; inRows: string[] } {
  const parameters = Object.entries(parametersOf(config));
  const perLatent = parameters.flatMap(([name, { perLatent }]) => (perLatent ? [name] : []));
  const params = Object.fromEntries(parameters.map(([name, { shape }]) => [name, op.input("float32", shape)]));
  const { scores } = scored(config, op.input("float32", ["batch", config.inputDim]), params);
  return { perLatent, inRows: perLatent.filter((name) => !dependsOn(scores, params[name]!)) };
}

const momentNames = (config: TrainConfig, parameters: readonly string[]): string[] =>
  parameters.flatMap((name) => optimizerOf(config).slots.map((slot) => slotName(slot, name)));

const pick = <T>(names: readonly string[], make: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, make(name)]));

/** Numbers of the entries that are not zero, ascending. */
const positions = (mask: V): Ints => op.reshape(op.nonZero(mask), [-1]);
const onesLike = (x: Ints): V => op.expand(op.scalarOf("float32", 1), op.shape(x));
/** How many ones stand before each entry. */
const countBefore = (ones: V): V => op.sub(op.cumSum(ones, 0), 1);

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
 * The latents a batch keeps: `used [latentDim]` is 1 for those kept in some row, `active` their numbers, ascending, so that
 * sums over them run in an order no earlier batch has a say in. `again` keeps the same ones in the small SAE of the active.
 */
function chooseLatents(config: TrainConfig, x: V, state: StateValues) {
  return scope("choose", () => {
    const { pre, scores, k } = scored(config, x, state);
    const { indices } = op.topK(scores, k);
    const known = op.gatherElements(pre, indices);
    const flat = op.reshape(indices, [-1]);
    const used = op.scatterElements(op.zerosLike(state.steps_since_fired!), flat, onesLike(flat), { axis: 0 });
    const active = positions(used);
    const local = op.cast(op.reshape(op.gather(countBefore(used), flat), op.shape(indices)), "int64");
    const rows = op.slice(op.shape(x), { axis: 0, to: 1 });
    const zeros = op.expand(op.scalarOf("float32", 0), op.concat([rows, op.shape(active)], 0));

    /** The values are known already; their gradient goes to where they would have come from. */
    const again: Keep = (pre, _scores, _k, act = (values) => values) => {
      const [kept] = customGradient(
        [pre],
        () => [known] as const,
        ([dy]) => [dy && op.scatterElements(zeros, local, dy)],
      );
      const values = act(kept);
      return { z: place(values, local, zeros), top: { values, indices } };
    };
    return { used, active, again };
  });
}

/** The live rows after a batch: `added` are the latents kept for the first time; `place` says where in `live` each one stands. */
function growLive(before: Ints, wasLive: V, used: V) {
  return scope("grow", () => {
    const added = positions(op.sub(used, op.mul(used, wasLive)));
    const live = op.concat([before, added], 0);
    const place = op.scatterElements(op.zerosLike(wasLive), live, countBefore(onesLike(live)), { axis: 0 });
    return { live, added, place, isLive: op.max(wasLive, used) };
  });
}
