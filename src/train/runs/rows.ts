import type { TrainConfig } from "../../config/config.ts";
import { epochWindows, windowRows } from "../../data/order.ts";
import type { Range } from "../../data/rowSpans.ts";
import { sliceRows, tensor } from "../../util/tensor.ts";
import { type ResidentRows, type RowShapes, type Rows, residentOf, shapesOf } from "../rows.ts";
import { type Batches, shuffledBatches, windowBatches } from "./batches.ts";

/** Batches whose rows are in memory together: some epochs, or one window of an epoch. A stretch may be several runs. */
export interface Stretch {
  readonly rows: ResidentRows;
  readonly batches: Batches;
  /** Epochs done after it. `undefined` when it ends within an epoch. */
  readonly epochsDone: number | undefined;
}

/** The training rows `[rows, inputDim]`, in memory or elsewhere. */
export interface TrainingRows extends RowShapes {
  /** Gives the rows that the first weights may use: all rows, or the first window of the first epoch. They are good during `use`. */
  readonly sample: <T>(config: TrainConfig, use: (rows: ResidentRows) => T) => Promise<T>;
  /**
   * The stretches from an epoch on. `epochs` is asked at the start of each how many epochs it should have; windows ignore it.
   * The rows of a stretch are good until the next one is asked for.
   */
  readonly stretches: (config: TrainConfig, epochsDone: number, epochs: () => number) => AsyncGenerator<Stretch>;
  /** The rows without the last `count`. */
  readonly without: (count: number) => TrainingRows;
  /** The last `count` rows. They are good during `use`. Not while a stretch is under way. */
  readonly last: <T>(count: number, use: (rows: ResidentRows) => Promise<T>) => Promise<T>;
}

const rowsBetween = ({ activations, targets }: ResidentRows, from: number, to: number): ResidentRows => ({
  activations: sliceRows(activations, from, to),
  targets: targets && sliceRows(targets, from, to),
});

/** Rows in memory. A stretch is one or more epochs. */
export const residentRows = (given: Rows): TrainingRows => ({
  ...shapesOf(residentOf(given)),
  without: (count) => residentRows(rowsBetween(residentOf(given), 0, shapesOf(residentOf(given)).dims[0]! - count)),
  last(count, use) {
    const all = residentOf(given);
    const rows = all.activations.dims[0]!;
    return use(rowsBetween(all, rows - count, rows));
  },
  sample: async (_config, use) => use(residentOf(given)),
  async *stretches(config, epochsDone, epochsAtOnce) {
    for (let done = epochsDone; done < config.epochs; ) {
      const from = done;
      const epochs = Array.from({ length: Math.min(epochsAtOnce(), config.epochs - from) }, (_, i) => from + i);
      done += epochs.length;
      const rows = residentOf(given);
      yield { rows, batches: shuffledBatches(config, rows.activations.dims[0]!, epochs), epochsDone: done };
    }
  },
});

/** Reads rows while the session runs. */
export interface WindowReader {
  readonly read: (blocks: readonly Range[]) => Promise<Float32Array>;
  /** Takes an array back that is no longer used. */
  readonly free: (array: Float32Array) => void;
}

/**
 * Rows read window by window. A stretch is one window.
 * With `ahead` the next window is read while this one is trained on. That takes the memory of two windows.
 */
export function streamedRows(
  dims: readonly [number, number],
  reader: WindowReader,
  streaming: {
    readonly ahead: boolean;
    readonly onWait: (seconds: number) => void;
    /** A transcoder's: who reads them, and their width. */
    readonly targets?: { readonly reader: WindowReader; readonly width: number } | undefined;
  },
): TrainingRows {
  const { ahead, onWait, targets } = streaming;
  const [rows, width] = dims;
  const readers = targets ? [reader, targets.reader] : [reader];
  const read = (blocks: readonly Range[]) => Promise.all(readers.map((one) => one.read(blocks)));
  const asRows = ([data, target]: readonly Float32Array[]): ResidentRows => ({
    activations: tensor("float32", [data!.length / width, width], data as Float32Array<ArrayBuffer>),
    ...(target && targets
      ? {
          targets: tensor(
            "float32",
            [target.length / targets.width, targets.width],
            target as Float32Array<ArrayBuffer>,
          ),
        }
      : {}),
  });
  /** All rows in order, when one window holds them. */
  let whole: ReturnType<typeof read> | undefined;
  const open = (blocks: readonly Range[], config: TrainConfig) => {
    if (rows > windowRows(config, rows)) return read(blocks);
    whole ??= read([[0, rows]]);
    return whole;
  };
  const close = (arrays: readonly Float32Array[], config: TrainConfig) => {
    if (rows > windowRows(config, rows)) for (const [i, array] of arrays.entries()) readers[i]!.free(array);
  };
  /** By how many rows they lack: each keeps its rows in memory from one training to the next, where they fit in one window. */
  const shorter = new Map<number, TrainingRows>();
  return {
    dims,
    targetDims: targets && [rows, targets.width],
    without(count) {
      const known = shorter.get(count) ?? streamedRows([rows - count, width], reader, streaming);
      shorter.set(count, known);
      return known;
    },
    async last(count, use) {
      const data = await read([[rows - count, rows]]);
      try {
        return await use(asRows(data));
      } finally {
        for (const [i, array] of data.entries()) readers[i]!.free(array);
      }
    },
    async sample(config, use) {
      const data = await open(epochWindows(config, rows, 0).next().value!.blocks, config);
      const made = use(asRows(data));
      close(data, config);
      return made;
    },
    async *stretches(config, epochsDone) {
      const plan = planOf(config, rows, epochsDone);
      let next = plan.next().value;
      let reading = next && open(next.window.blocks, config);
      try {
        while (next && reading) {
          const { window, epochsDone } = next;
          const started = performance.now();
          const data = await reading;
          reading = undefined;
          onWait((performance.now() - started) / 1000);
          next = plan.next().value;
          const follow = () => {
            reading = next && open(next.window.blocks, config);
            // The error is thrown when it is this window's turn.
            reading?.catch(() => {});
          };
          if (ahead) follow();
          yield { rows: asRows(data), batches: windowBatches(config, window), epochsDone };
          close(data, config);
          if (!ahead) follow();
        }
      } finally {
        // The reader takes one request at a time, so a read that has begun must end first.
        await reading?.then((data) => close(data, config)).catch(() => {});
      }
    },
  };
}

/** The windows from an epoch on. The last window of an epoch has `epochsDone`. */
function* planOf(config: TrainConfig, rows: number, epochsDone: number) {
  for (let epoch = epochsDone; epoch < config.epochs; epoch++) {
    let seen = 0;
    for (const window of epochWindows(config, rows, epoch)) {
      seen += window.order.length;
      yield { window, epochsDone: seen === rows ? epoch + 1 : undefined };
    }
  }
}
