/**
 * @file The form in blocks: the mathematics of `dense`, with each weight matrix and its moments carried as blocks of rows that
 * fit the processor's cache. The optimizer passes over a parameter some ten times a step: over a block while it is there, over
 * a whole matrix from memory each time. The products run block by block as well (`linearEncode`, `linearDecode`): nothing is joined.
 */
import { gradients } from "../../autodiff/gradients.ts";
import * as op from "../../graph/ops.ts";
import { scope, type Value } from "../../graph/value.ts";
import type { TrainConfig } from "../../sae/config.ts";
import { parametersOf } from "../../sae/spec.ts";
import { optimizerOf, slotName } from "../state.ts";
import { lossOf, update } from "./dense.ts";
import { stepsSinceFired } from "./parts.ts";
import type { StateValues, StepForm } from "./step.ts";

type V = Value<"float32">;

/** About so many bytes make a block; of 0.5, 1, 2 and 4 MiB the fastest where a core has 1 MiB of second-level cache. */
const blockBytes = 2 ** 20;
/** Rows of a block are a multiple of this: ONNX Runtime's product sums in runs of 128, so the blocks' sums are the whole's to the bit. */
const rowStep = 128;

/** Every latent at every step, in blocks of rows. */
export const blocks: StepForm = {
  name: "blocks",
  describe: "every latent at every step, as dense, in blocks of rows that stay in the processor's cache",
  grows: false,

  carry: (config, origin) =>
    scope("carry", () => {
      const next: Record<string, V> = { ...origin };
      for (const { whole, parts } of blockTable(config)) {
        delete next[whole];
        for (const { name, from, to } of parts) next[name] = op.slice(origin[whole]!, { axis: 0, from, to });
      }
      return { carried: next, fixed: {} };
    }),

  given: (config, carried) => scope("given", () => joined(config, carried as StateValues)),

  step(config, x, carried, _origin, _fixed, padding) {
    const state = carried as StateValues;
    const names = Object.keys(parametersOf(config));
    const params = pick(joined(config, state), names);
    const blockOf = new Map(names.map((name) => [name, name]));
    for (const { whole, parts } of blockTable(config).filter(({ whole }) => blockOf.delete(whole)))
      for (const { name } of parts) blockOf.set(name, whole);

    const { loss, code } = lossOf(config, x, params, state, padding);
    const gradient = gradients(loss, pick(state, [...blockOf.keys()]));
    const next = scope("update", () => update(config, state, gradient, (name) => blockOf.get(name)!));
    const steps_since_fired = scope("fired", () => stepsSinceFired(code, state.steps_since_fired!, padding));
    return { carried: { ...next, steps_since_fired }, loss };
  },
};

/** What is carried in blocks, and the rows of each block: matrices with a row per latent, and their slots. */
function blockTable(config: TrainConfig) {
  return Object.entries(parametersOf(config)).flatMap(([parameter, { shape, perLatent }]) => {
    const [rows, width = 1] = shape as [number, number?];
    const size = rowStep * Math.max(1, Math.floor(blockBytes / (4 * width * rowStep)));
    const count = Math.ceil(rows / size);
    if (!perLatent || shape.length !== 2 || count < 2) return [];
    return [
      { whole: parameter, named: (i: number) => `${parameter}.${i}` },
      ...optimizerOf(config).slots.map((slot) => ({
        whole: slotName(slot, parameter),
        named: (i: number) => slotName(slot, `${parameter}.${i}`),
      })),
    ].map(({ whole, named }) => ({
      whole,
      parts: Array.from({ length: count }, (_, i) => ({
        name: named(i),
        from: i * size,
        to: Math.min((i + 1) * size, rows),
      })),
    }));
  });
}

/** The state with whole matrices; a product with one of them runs over its blocks. */
function joined(config: TrainConfig, state: StateValues): StateValues {
  const next: Record<string, V> = { ...state };
  for (const { whole, parts } of blockTable(config)) {
    for (const { name } of parts) delete next[name];
    const [first, ...rest] = parts.map(({ name }) => state[name]!);
    next[whole] = op.concat([first!, ...rest], 0);
  }
  return next;
}

const pick = (state: StateValues, names: readonly string[]): StateValues =>
  Object.fromEntries(names.map((name) => [name, state[name]!]));
