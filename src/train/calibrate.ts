/**
 * @file The threshold of a finished SAE, set on rows that no step has seen.
 *
 * What training carries is a mean of what batches kept, and batches are of rows that are trained on again and again. On these the
 * strongest latents grow and the others fade. On new rows more latents pass the same threshold: after 25 epochs over 5,844 rows of a
 * language model, 28 where 20 were meant. Rows held out of training are new rows too. The threshold here lets them keep k on average.
 */
import type { TrainConfig } from "../config/config.ts";
import { buildModel } from "../graph/build.ts";
import * as op from "../graph/ops.ts";
import { packModel } from "../onnx/model.ts";
import type { Runtime } from "../runtime/session.ts";
import { architectureOf, encode, keptPerRow, parametersOf, statesOf } from "../sae/spec.ts";
import { scalar, sliceRows } from "../util/tensor.ts";
import type { ResidentRows } from "./rows.ts";
import { scalingShapes } from "./scaling.ts";
import { emaName, stateShapes, type TrainState } from "./state.ts";
import { seen } from "./steps/update.ts";

/** Rows that a run encodes. */
const rowsPerRun = 512;

/** A finished training's state, its threshold set so that `held` rows keep k latents on average. */
export async function calibrated(
  runtime: Runtime,
  config: TrainConfig,
  state: TrainState,
  { activations }: ResidentRows,
  threads: number | undefined,
): Promise<TrainState> {
  const rows = activations.dims[0]!;
  const largest = new Largest(keptPerRow(config)! * rows);
  const shapes = stateShapes(config);
  const parameters = Object.keys(parametersOf(config));
  const names = [...parameters, ...[statesOf(config), scalingShapes(config)].flatMap(Object.keys)];
  const given = Object.fromEntries(names.map((name) => [name, op.input("float32", shapes[name]!)]));
  // The finished SAE has the running means of the weights, where there are any.
  const trainedTensor = (name: string) => state[config.ema > 0 && parameters.includes(name) ? emaName(name) : name]!;
  const fed = Object.fromEntries(names.map((name) => [name, trainedTensor(name)]));
  const x = op.input("float32", ["rows", config.inputDim]);
  const { pre } = encode(config, seen({ x, target: x }, given).x, given, { state: given });
  const session = await runtime.open(packModel(buildModel({ inputs: { x, ...given }, outputs: { pre } })), { threads });
  try {
    for (let from = 0; from < rows; from += rowsPerRun) {
      const found = await session.run({ x: sliceRows(activations, from, Math.min(from + rowsPerRun, rows)), ...fed });
      largest.add(found.pre!.data as Float32Array);
    }
  } finally {
    await session.release();
  }
  return { ...state, [architectureOf(config).state!.threshold!]: scalar(largest.between) };
}

/** The `count` largest of many positive numbers, and where the others begin. */
class Largest {
  readonly #count: number;
  /** Descending. */
  #found = new Float32Array();

  constructor(count: number) {
    this.#count = count;
  }

  add(values: Float32Array): void {
    const least = this.#next;
    const larger = values.filter((value) => value > least);
    const all = new Float32Array(this.#found.length + larger.length);
    all.set(this.#found);
    all.set(larger, this.#found.length);
    this.#found = all
      .sort()
      .reverse()
      .slice(0, this.#count + 1);
  }

  /** The largest number that is not among them; 0 where there is none. */
  get #next(): number {
    return this.#found[this.#count] ?? 0;
  }

  /**
   * Below all of them, and not below any other number: halfway, as a threshold that is one of the numbers would leave it to the last digit of
   * another program which side that one is on. 0 where there are no others.
   */
  get between(): number {
    if (this.#found.length <= this.#count) return 0;
    const middle = Math.fround((this.#found[this.#count - 1]! + this.#next) / 2);
    return middle < this.#found[this.#count - 1]! ? middle : this.#next;
  }
}
