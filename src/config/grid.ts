import { architectures, trainable } from "../sae/index.ts";
import { ConfigError } from "../util/errors.ts";
import type { AnyOptionValues } from "../util/options.ts";
import { type TrainConfig, type TrainRequest, trainConfig } from "./config.ts";

/** A training request in which sizes and options may be lists. */
export interface GridRequest extends Omit<TrainRequest, "latentDim" | "options" | "seed"> {
  readonly latentDims: readonly number[];
  readonly ks: readonly number[];
  readonly seeds?: readonly number[];
  readonly options?: AnyOptionValues;
}

/**
 * The configurations of a grid: every latentDim with every k and every seed, in the order given, each complete and checked.
 * @throws {ConfigError} for the first one that cannot be.
 */
export const gridConfigs = ({ latentDims, ks, seeds = [0], options, ...request }: GridRequest): TrainConfig[] => {
  const { architecture = "topk" } = request;
  if (Object.hasOwn(architectures, architecture) && !trainable.some(({ name }) => name === architecture))
    throw new ConfigError(
      `architecture ${architecture} only carries weights trained elsewhere; train one of ${trainable.map(({ name }) => name).join(", ")}`,
    );
  return latentDims.flatMap((latentDim) =>
    ks.flatMap((k) => seeds.map((seed) => trainConfig({ ...request, latentDim, seed, options: { ...options, k } }))),
  );
};
