import { packModel } from "../onnx/model.ts";
import type { Runtime, Session } from "../runtime/session.ts";
import { type HostTensor, int64s, tensor } from "../util/tensor.ts";
import { probeGraph } from "./graph.ts";
import { type Leading, leadingDirections } from "./leading.ts";
import { type LossName, losses } from "./losses.ts";

/** One probe to be trained. Its rows are those with a weight; a feature with scale 0 takes no part. */
export interface Problem {
  /** `[rows]`: 0 or 1 for `logistic`, any number for `ridge`. */
  readonly y: Float32Array;
  /** `[rows]`, of sum 1. */
  readonly weight: Float32Array;
  /** `[dims]` */
  readonly mean: Float32Array;
  /** `[dims]` */
  readonly scale: Float32Array;
  /** Strength of the penalty: the objective is the weighted mean loss + lambda / 2 |w|^2. */
  readonly lambda: number;
}

/** A trained probe. */
export interface Fitted {
  /** `[dims]`, of the scaled features. */
  readonly w: Float32Array;
  readonly b: number;
  /** The objective. */
  readonly loss: number;
  /** The largest entry of its gradient. */
  readonly slope: number;
  /** What it says of every row, `[rows]`: log odds of `logistic`, the number of `ridge`. */
  readonly scores: Float32Array;
}

/** A probe is at its optimum when no entry of the gradient is larger. */
export const flat = 1e-5;
const stepsARound = 25;
/** Rounds after which a probe counts as not finished. */
const mostRounds = 200;
/** Most entries of `[rows, probes]` that are trained at once. */
const mostEntries = 2 ** 22;

/** A probe on its way. */
interface Progress {
  readonly at: number;
  /** Shortens its steps, where they were too long. */
  step: number;
  w: Float32Array;
  b: number;
  trace_w: Float32Array;
  trace_b: number;
  loss: number;
}

/** Trains probes on rows `[rows, dims]`, whose columns should be centred and of about unit variance, each to its optimum. */
export class Fitter {
  readonly #session: Session;
  readonly #x: HostTensor<"float32">;
  readonly #leading: Leading;
  readonly #curvature: number;

  private constructor(session: Session, x: HostTensor<"float32">, leading: Leading, curvature: number) {
    this.#session = session;
    this.#x = x;
    this.#leading = leading;
    this.#curvature = curvature;
  }

  static async open(
    runtime: Runtime,
    loss: LossName,
    x: HostTensor<"float32">,
    threads?: number | undefined,
  ): Promise<Fitter> {
    const leading = await leadingDirections(runtime, x, threads);
    const session = await runtime.open(packModel(probeGraph(loss)), { threads });
    return new Fitter(session, x, leading, losses[loss].curvature);
  }

  /** The optimum of each problem, in their order. */
  async fit(problems: readonly Problem[]): Promise<Fitted[]> {
    const atOnce = Math.max(1, Math.floor(mostEntries / this.#x.dims[0]!));
    const found: Fitted[] = [];
    for (let from = 0; from < problems.length; from += atOnce)
      found.push(...(await this.#fitTogether(problems.slice(from, from + atOnce))));
    return found;
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  /** In rounds of steps; a probe that is done leaves the others. */
  async #fitTogether(problems: readonly Problem[]): Promise<Fitted[]> {
    const dims = this.#x.dims[1]!;
    const done = new Array<Fitted>(problems.length);
    let going = problems.map((_, at): Progress => {
      const zero = () => new Float32Array(dims);
      return { at, step: 1, w: zero(), b: 0, trace_w: zero(), trace_b: 0, loss: Number.POSITIVE_INFINITY };
    });
    for (let round = 1; going.length > 0; round++) {
      const after = await this.#round(problems, going);
      going = going.filter((probe, p) => {
        const next = columnOf(after, p);
        let { slope } = next;
        // A step that is too long makes the loss rise: back to where the round began, with steps of half the length.
        if (!(next.loss <= probe.loss + 1e-5 * Math.abs(probe.loss))) {
          Object.assign(probe, { step: probe.step / 2, trace_w: new Float32Array(dims), trace_b: 0 });
          slope = Number.POSITIVE_INFINITY;
        } else Object.assign(probe, next.state, { loss: next.loss });
        if (!(slope <= flat) && round < mostRounds) return true;
        const { w, b, loss } = probe;
        done[probe.at] = { ...{ w, b, loss }, slope, scores: next.scores };
        return false;
      });
    }
    return done;
  }

  #round(problems: readonly Problem[], going: readonly Progress[]) {
    const [rows, dims] = this.#x.dims as [number, number];
    const own = going.map(({ at }) => problems[at]!);
    const { directions, squares } = this.#leading;
    // The curvature is c s + lambda at most, where c is that of the loss and s the mean square of the rows in a direction.
    const rates = (square: number) => own.map(({ lambda }) => 1 / (this.#curvature * square + lambda));
    return this.#session.run({
      ...{ x: this.#x, directions, steps: tensor("int64", [], int64s([stepsARound]).data) },
      y: columns(rows, own, ({ y }) => y),
      weight: columns(rows, own, ({ weight }) => weight),
      mean: columns(dims, own, ({ mean }) => mean),
      scale: columns(dims, own, ({ scale }) => scale),
      lambda: row(own.map(({ lambda }) => lambda)),
      along: tensor("float32", [squares.length, own.length], Float32Array.from([...squares].flatMap(rates))),
      across: row(rates(squares.at(-1)!)),
      step: row(going.map(({ step }) => step)),
      w: columns(dims, going, ({ w }) => w),
      b: row(going.map(({ b }) => b)),
      trace_w: columns(dims, going, ({ trace_w }) => trace_w),
      trace_b: row(going.map(({ trace_b }) => trace_b)),
    });
  }
}

const row = (values: ArrayLike<number>) => tensor("float32", [1, values.length], Float32Array.from(values));

/** A matrix `[height, items]`, a column of each. */
function columns<T>(height: number, items: readonly T[], column: (item: T) => Float32Array): HostTensor<"float32"> {
  const width = items.length;
  const data = new Float32Array(height * width);
  items.forEach((item, p) => {
    const own = column(item);
    for (let i = 0; i < height; i++) data[i * width + p] = own[i]!;
  });
  return tensor("float32", [height, width], data);
}

/** What a round gave one of the probes. */
function columnOf(after: Readonly<Record<string, HostTensor>>, p: number) {
  const column = (name: string) => {
    const { data, dims } = after[name] as HostTensor<"float32">;
    return Float32Array.from({ length: dims[0]! }, (_, i) => data[i * dims[1]! + p]!);
  };
  const number = (name: string) => column(name)[0]!;
  return {
    state: {
      ...{ w: column("w_next"), b: number("b_next") },
      ...{ trace_w: column("trace_w_next"), trace_b: number("trace_b_next") },
    },
    ...{ loss: number("loss"), slope: number("slope"), scores: column("scores") },
  };
}
