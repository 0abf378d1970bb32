import { type TrainConfig, type TrainRequest, trainConfig } from "../sae/config.ts";
import type { AnyOptionValues } from "../sae/options.ts";

/** A training request in which sizes and options may be lists. */
export interface GridRequest extends Omit<TrainRequest, "latentDim" | "options"> {
  readonly latentDims: readonly number[];
  readonly ks: readonly number[];
  readonly options?: AnyOptionValues;
}

/**
 * The configurations of a grid: every latentDim with every k, in the order given, each complete and checked.
 * @throws {ConfigError} for the first one that cannot be.
 */
export const gridConfigs = ({ latentDims, ks, options, ...request }: GridRequest): TrainConfig[] =>
  latentDims.flatMap((latentDim) => ks.map((k) => trainConfig({ ...request, latentDim, options: { ...options, k } })));
