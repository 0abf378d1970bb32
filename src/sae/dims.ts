/** The sizes every SAE has. */
export interface Dims {
  /** Width of the activations it reads. */
  readonly inputDim: number;
  readonly latentDim: number;
  /** A transcoder's: width of what it reconstructs. Left out: an SAE, which reconstructs what it reads. */
  readonly outputDim?: number;
}

/** Width of the reconstruction. */
export const outputDimOf = ({ inputDim, outputDim = inputDim }: Dims): number => outputDim;
