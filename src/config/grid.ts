import { architectures, trainable } from "../sae/index.ts";
import type { SaeRequest } from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import type { OptionValue } from "../util/options.ts";
import { type TrainConfig, type TrainRequest, trainConfig } from "./config.ts";
import { isOwnKey } from "./json.ts";

/** A training request in which sizes and options may be lists, each in the order it is to be tried. */
export interface GridRequest extends Pick<SaeRequest, "architecture" | "preset" | "inputDim" | "outputDim"> {
  /** By the names of configurations: `latentDim`, `learningRate`, the architecture's options, ... */
  readonly lists: Readonly<Record<string, readonly OptionValue[]>>;
  /** What all share and is no option: the step form, the checkpoint they start from, ... */
  readonly shared?: Partial<TrainRequest>;
}

/**
 * The configurations of a grid: the product of all lists, each complete and checked. The first list changes slowest.
 * @throws {ConfigError} for the first one that cannot be.
 */
export function gridConfigs({ lists, shared = {}, ...request }: GridRequest): TrainConfig[] {
  const { architecture = "topk" } = request;
  if (Object.hasOwn(architectures, architecture) && !trainable.some(({ name }) => name === architecture))
    throw new ConfigError(
      `architecture ${architecture} only carries weights trained elsewhere; train one of ${trainable.map(({ name }) => name).join(", ")}`,
    );
  return productOf(lists).map((chosen) => {
    const among = (own: boolean) =>
      Object.fromEntries(Object.entries(chosen).filter(([name]) => isOwnKey(name) === own));
    return trainConfig({ ...request, ...shared, ...among(true), options: among(false) } as unknown as TrainRequest);
  });
}

/** Every way to choose one value of each list. */
const productOf = (lists: GridRequest["lists"]): Readonly<Record<string, OptionValue>>[] =>
  Object.entries(lists).reduce<Readonly<Record<string, OptionValue>>[]>(
    (made, [name, values]) => made.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
