import type { TrainConfig } from "../config/config.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";

/** Rows to train on, `[rows, inputDim]`, and where they are not the same what to reconstruct, `[rows, outputDim]`. */
export interface ResidentRows {
  readonly activations: HostTensor<"float32">;
  /** A transcoder's. */
  readonly targets?: HostTensor<"float32"> | undefined;
}

/** Rows to train on; a matrix by itself is to be reconstructed as it is. */
export type Rows = HostTensor<"float32"> | ResidentRows;

export const residentOf = (rows: Rows): ResidentRows => ("data" in rows ? { activations: rows } : rows);

/** What `checkTrainingRows` looks at. */
export const shapesOf = ({ activations, targets }: ResidentRows): RowShapes => ({
  dims: activations.dims,
  targetDims: targets?.dims,
});

/** The shapes of rows to train on: `[rows, inputDim]`, and a transcoder's targets. */
export interface RowShapes {
  readonly dims: readonly number[];
  readonly targetDims?: readonly number[] | undefined;
}

/** @throws {ConfigError} when rows and targets are not what the configuration is for, or are fewer than a batch. */
export function checkTrainingRows(config: TrainConfig, { dims, targetDims }: RowShapes): void {
  const { inputDim, outputDim, batchSize } = config;
  const [rows, width] = dims as [number, number];
  if (width !== inputDim)
    throw new ConfigError(`activations are ${width} wide, the configuration says inputDim = ${inputDim}`);
  if ((outputDim === undefined) !== (targetDims === undefined))
    throw new ConfigError(
      outputDim === undefined
        ? "there are targets, and the configuration has no outputDim; leave the targets out, or say outputDim"
        : `the configuration says outputDim = ${outputDim}, and there are no targets; give them`,
    );
  if (targetDims && (targetDims[0] !== rows || targetDims[1] !== outputDim))
    throw new ConfigError(
      `targets are [${targetDims.join(", ")}], the configuration and ${rows} activation rows need [${rows}, ${outputDim}]`,
    );
  if (rows < batchSize)
    throw new ConfigError(
      `${rows} training rows are fewer than one batch of ${batchSize}; use a smaller batch size (batchSize) or more rows`,
    );
}
