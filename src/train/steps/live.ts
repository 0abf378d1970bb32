/**
 * @file The live-rows form. A latent that has never been kept has zero gradient, so its moments are exactly zero and its
 * parameters have never moved: only the rows kept so far ("live") are carried, with their moments, and grow as latents are
 * kept for the first time. Of these a batch uses few: the loss is that of the small SAE made of the latents kept somewhere
 * in the batch ("active"), whose gradients by ordinary autodiff are the non-zero rows of the whole gradient. The numbers are
 * those of the dense form; what a latent that never fires costs is its share of the encoder's product.
 */
import { gradients } from "../../autodiff/gradients.ts";
import { customGradient, stopGradient } from "../../graph/alias.ts";
import * as op from "../../graph/ops.ts";
import { scope, type Value } from "../../graph/value.ts";
import type { Keep } from "../../sae/architecture.ts";
import type { TrainConfig } from "../../sae/config.ts";
import { place } from "../../sae/parts.ts";
import { architectureOf, parametersOf } from "../../sae/spec.ts";
import { optimizerOf, slotName } from "../state.ts";
import { projected, stepsSinceFired, totalLoss, updated } from "./parts.ts";
import type { StateValues, StepForm } from "./step.ts";

type V = Value<"float32">;
type Ints = Value<"int64">;

export const live: StepForm = {
  name: "live",
  describe: "moments and updates for latents kept so far only, gradients for those of the batch only",
  fits: (config) => architectureOf(config).onlyKept?.(config.options) === true,

  // Parameters whole, moments of the live rows only.
  carry: (config, origin) =>
    scope("carry", () => {
      const { perLatent } = split(config);
      const names = momentNames(config, perLatent);
      const moving = names
        .map((name) => op.abs(origin[name]!))
        .map((size) => (size.shape.length > 1 ? op.reduceSum(size, { axes: [1] }) : size))
        .reduce<V>((sum, one) => op.add(sum, one), op.zerosLike(origin.steps_since_fired!));
      const is_live = op.cast(op.greater(moving, 0), "float32");
      const live = positions(is_live);
      return { ...origin, ...pick(names, (name) => op.gather(origin[name]!, live)), live, is_live };
    }),

  canonical: (config, { live, is_live: _, ...carried }, origin) =>
    scope("canonical", () => {
      const state = carried as StateValues;
      const at = op.unsqueeze(live as Ints, [1]);
      const whole = (name: string) => op.scatterND(op.zerosLike(origin[name]!), at, state[name]!);
      return { ...state, ...pick(momentNames(config, split(config).perLatent), whole) };
    }),

  step(config, x, carried) {
    const sae = architectureOf(config);
    const { perLatent, whole } = split(config);
    const state = carried as StateValues;
    const kept = chooseLatents(config, x, state);
    const rows = growLive(carried.live as Ints, carried.is_live as V, kept.used);

    // The small SAE of the active latents.
    const shared = pick(whole, (name) => state[name]!);
    const active = scope("active", () => pick(perLatent, (name) => op.gather(state[name]!, kept.active)));
    const params = { ...active, ...shared };
    const code = scope("encode", () => sae.encode(x, params, config.options, kept.again));
    const xHat = scope("decode", () => sae.decode(code.z, params, config.options));
    const loss = totalLoss(config, { x, xHat, code, params, stepsSinceFired: state.steps_since_fired! });
    const gradient: StateValues = gradients(loss, params);

    const optimizer = optimizerOf(config);
    const scalars = scope("schedule", () => optimizer.advance(state));
    const next: Record<string, Value> = { ...scalars, live: rows.live, is_live: rows.isLive };
    const places = op.unsqueeze(op.cast(op.gather(rows.place, kept.active), "int64"), [1]);
    const liveRows = op.unsqueeze(rows.live, [1]);
    for (const [name, g] of Object.entries(gradient))
      scope(`update/${name}`, () => {
        const narrow = projected(config, name, params[name]!, g);
        const isRows = perLatent.includes(name);
        const parameter = isRows ? op.gather(state[name]!, rows.live) : state[name]!;
        const gradient = isRows ? op.scatterND(op.zerosLike(parameter), places, narrow) : narrow;
        const slots = pick(optimizer.slots, (slot) => {
          const before = state[slotName(slot, name)]!;
          const grown = () => op.concat([before, op.zerosLike(op.gather(state[name]!, rows.added))], 0);
          return isRows ? grown() : before;
        });
        const after = updated(config, name, { parameter, gradient, slots, scalars });
        next[name] = isRows ? op.scatterND(state[name]!, liveRows, after.parameter) : after.parameter;
        for (const [slot, value] of Object.entries(after.slots)) next[slotName(slot, name)] = value;
      });
    next.steps_since_fired = scope("fired", () => stepsSinceFired(code, state.steps_since_fired!));
    return { carried: next, loss };
  },
};

/** Parameters with one row per latent, and the others. */
function split(config: TrainConfig): { perLatent: string[]; whole: string[] } {
  const names = (rows: boolean) =>
    Object.entries(parametersOf(config)).flatMap(([name, { perLatent }]) => (perLatent === rows ? [name] : []));
  return { perLatent: names(true), whole: names(false) };
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

/**
 * The latents a batch keeps: `used [latentDim]` is 1 for those kept in some row, `active` their numbers, ascending, so that
 * sums over them run in an order no earlier batch has a say in. `again` keeps the same ones in the small SAE of the active.
 */
function chooseLatents(config: TrainConfig, x: V, state: StateValues) {
  const sae = architectureOf(config);
  const params = pick(Object.keys(parametersOf(config)), (name) => stopGradient(state[name]!));
  /** The selection alone: what is kept, before any activation. */
  const bare: Keep = (pre, scores, k) => {
    const { indices } = op.topK(scores, k);
    return { z: pre, top: { values: op.gatherElements(pre, indices), indices } };
  };
  return scope("choose", () => {
    const { values: known, indices } = sae.encode(x, params, config.options, bare).top!;
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
