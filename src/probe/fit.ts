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

/** A probe is at its optimum when no entry of the gradient is larger; a round of steps more would change nothing that is shown. */
export const flat = 1e-5;
const stepsARound = 40;
/** Rounds after which a probe counts as not finished. */
const mostRounds = 100;
/** Most entries of `[rows, probes]` that are trained at once. */
const mostEntries = 2 ** 22;

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

  async #fitTogether(problems: readonly Problem[]): Promise<Fitted[]> {
    const count = problems.length;
    const [rows, dims] = this.#x.dims as [number, number];
    const fixed = {
      x: this.#x,
      y: columns(
        rows,
        problems.map(({ y }) => y),
      ),
      weight: columns(
        rows,
        problems.map(({ weight }) => weight),
      ),
      mean: columns(
        dims,
        problems.map(({ mean }) => mean),
      ),
      scale: columns(
        dims,
        problems.map(({ scale }) => scale),
      ),
      lambda: row(problems.map(({ lambda }) => lambda)),
      ...this.#preconditioner(problems),
      steps: tensor("int64", [], int64s([stepsARound]).data),
    };
    let step = new Float32Array(count).fill(1);
    let state = started(dims, count);
    let before: Awaited<ReturnType<Session["run"]>> | undefined;
    for (let round = 0; ; round++) {
      const given = round === 0 ? { ...fixed, steps: tensor("int64", [], int64s([0]).data) } : fixed;
      const after = await this.#session.run({ ...given, ...state, step: row(step) });
      const slope = after.slope!.data as Float32Array;
      // A step that is too long makes the loss rise: back to where the round began, with half of it.
      const risen = before ? rises(before, after) : [];
      if (before && risen.length > 0) {
        for (const name of Object.keys(after)) restore(after[name]!, before[name]!, risen);
        step = step.map((one, p) => (risen.includes(p) ? one / 2 : one));
        for (const name of ["trace_w_next", "trace_b_next"]) clear(after[name]!, risen);
      }
      if (slope.every((one) => one <= flat) || round >= mostRounds) return fittedIn(after, count);
      state = {
        ...{ w: after.w_next!, b: after.b_next!, trace_w: after.trace_w_next!, trace_b: after.trace_b_next! },
      };
      before = after;
    }
  }

  /**
   * The reciprocal of the curvature along each leading direction and across them: c s + lambda at most, where c is the loss's own
   * and s the mean square of the rows there.
   */
  #preconditioner(problems: readonly Problem[]) {
    const { directions, squares } = this.#leading;
    const rate = (square: number, lambda: number) => 1 / (this.#curvature * square + lambda);
    const lambdas = problems.map(({ lambda }) => lambda);
    const along = Float32Array.from({ length: squares.length * lambdas.length }, (_, i) =>
      rate(squares[Math.floor(i / lambdas.length)]!, lambdas[i % lambdas.length]!),
    );
    return {
      directions,
      along: tensor("float32", [squares.length, lambdas.length], along),
      across: row(lambdas.map((lambda) => rate(squares.at(-1)!, lambda))),
    };
  }
}

const row = (values: ArrayLike<number>) => tensor("float32", [1, values.length], Float32Array.from(values));

/** Columns of a matrix `[height, columns]`. */
function columns(height: number, given: readonly Float32Array[]): HostTensor<"float32"> {
  const width = given.length;
  const data = new Float32Array(height * width);
  given.forEach((column, p) => {
    for (let i = 0; i < height; i++) data[i * width + p] = column[i]!;
  });
  return tensor("float32", [height, width], data);
}

const started = (dims: number, count: number): Record<string, HostTensor> => {
  const zero = (height: number) => tensor("float32", [height, count], new Float32Array(height * count));
  return { w: zero(dims), b: zero(1), trace_w: zero(dims), trace_b: zero(1) };
};

type Outputs = Awaited<ReturnType<Session["run"]>>;

/** The probes whose loss has risen, by more than rounding. */
function rises(before: Outputs, after: Outputs): number[] {
  const [old, now] = [before.loss!.data as Float32Array, after.loss!.data as Float32Array];
  return [...now.keys()].filter((p) => !(now[p]! <= old[p]! + 1e-5 * Math.abs(old[p]!)));
}

/** Puts columns back. */
function restore(into: HostTensor, from: HostTensor, which: readonly number[]): void {
  const width = into.dims[1]!;
  for (let at = 0; at < into.data.length; at += width) for (const p of which) into.data[at + p] = from.data[at + p]!;
}

function clear(into: HostTensor, which: readonly number[]): void {
  const width = into.dims[1]!;
  for (let at = 0; at < into.data.length; at += width) for (const p of which) into.data[at + p] = 0;
}

function fittedIn({ w_next, b_next, loss, slope, scores }: Outputs, count: number): Fitted[] {
  const column = ({ data }: HostTensor, p: number) =>
    Float32Array.from({ length: data.length / count }, (_, i) => data[i * count + p] as number);
  const number = ({ data }: HostTensor, p: number) => data[p] as number;
  return Array.from({ length: count }, (_, p) => ({
    ...{ w: column(w_next!, p), b: number(b_next!, p), scores: column(scores!, p) },
    ...{ loss: number(loss!, p), slope: number(slope!, p) },
  }));
}
