import * as op from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";

type V = Value<"float32">;

/** A way to fall from 1 to 0 while `t` goes from 0 to 1: as a graph value, and as a number for the host. */
export interface Schedule {
  readonly name: string;
  readonly describe: string;
  readonly factor: (t: V) => V;
  readonly number: (t: number) => number;
}

/** Every schedule, by the name that `--schedule` and files use. */
export const schedules = {
  constant: {
    name: "constant",
    describe: "stays what it is",
    factor: () => op.scalarOf("float32", 1),
    number: () => 1,
  },
  linear: {
    name: "linear",
    describe: "falls by the same amount each step",
    factor: (t) => op.sub(1, t),
    number: (t) => 1 - t,
  },
  /** (1 + cos(pi t)) / 2. Source: Loshchilov and Hutter 2017, SGDR, equation 5. */
  cosine: {
    name: "cosine",
    describe: "falls as half a cosine wave",
    factor: (t) => op.mul(op.add(op.cos(op.mul(t, Math.PI)), 1), 0.5),
    number: (t) => (1 + Math.cos(Math.PI * t)) / 2,
  },
} as const satisfies Record<string, Schedule>;

export type ScheduleName = keyof typeof schedules;

/** When a value rises and falls, in steps of the whole training. */
export interface Timing {
  readonly schedule: ScheduleName;
  /** Steps over which it rises from 0: step i (from 0) has (i + 1) / warmup of it. */
  readonly warmup: number;
  /** The step at which it begins to fall, and how many steps that takes. */
  readonly decayFrom: number;
  readonly decay: number;
  /** What share of it is left when it has fallen. */
  readonly final: number;
}

/** A value's share at the step after `done` others: a scalar, from 0 to 1. */
export function scheduled(done: V, { schedule, warmup, decayFrom, decay, final }: Timing): V {
  const risen = warmup > 0 ? op.min(op.div(op.add(done, 1), warmup), 1) : op.scalarOf("float32", 1);
  if (schedule === "constant" || decay === 0) return risen;
  const t = op.min(op.max(op.div(op.sub(done, decayFrom), decay), 0), 1);
  return op.mul(risen, op.add(op.mul(schedules[schedule].factor(t), 1 - final), final));
}

/** The same as a number. */
export function scheduledNumber(done: number, { schedule, warmup, decayFrom, decay, final }: Timing): number {
  const risen = warmup > 0 ? Math.min((done + 1) / warmup, 1) : 1;
  if (schedule === "constant" || decay === 0) return risen;
  const t = Math.min(Math.max((done - decayFrom) / decay, 0), 1);
  return risen * (final + (1 - final) * schedules[schedule].number(t));
}

/** The largest share that any step after `done` others will have: it rises first and falls then, so it is at the end of the rise. */
export const largestToCome = (done: number, timing: Timing): number =>
  scheduledNumber(Math.max(done, timing.warmup - 1), timing);
