import { ConfigError } from "../util/errors.ts";
import type { AnyOptionValues, OptionValue } from "../util/options.ts";
import { allOptions, ownDefaults, type TrainConfig, type TrainRequest, trainConfig } from "./config.ts";

/** What a configuration has besides the options of its architecture. */
const ownKeys: readonly string[] = [
  ...["architecture", "preset", "inputDim", "latentDim", "outputDim"],
  ...Object.keys(allOptions),
  ...["step", "retire", "calibrate", "shuffleRows", "totalSteps", "initFrom"],
];

/** Whether a key is no option of an architecture. */
export const isOwnKey = (name: string): boolean => ownKeys.includes(name);

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Options that were topk-relu's own before every architecture had them: its files go on naming them. */
const namedByTopKRelu: readonly string[] = ["auxK", "auxCoefficient", "deadSteps"];

/** Left out of files: what has its default and what older files do not know. */
const isQuiet = (config: TrainConfig, name: string, value: unknown): boolean => {
  if (config.architecture === "topk-relu" && namedByTopKRelu.includes(name)) return false;
  const option = allOptions[name];
  return option?.quiet === true && option.default === value && ownDefaults(config)[name] === undefined;
};

/** A configuration as files keep it: snake_case keys, the architecture's options among the others, in a fixed order. */
export function configToJson(config: TrainConfig): Record<string, OptionValue> {
  const { options, ...rest } = config;
  const own = Object.entries(rest as unknown as AnyOptionValues).filter(
    ([name, value]) => !isQuiet(config, name, value),
  );
  const entries = [...own, ...Object.entries(options)];
  return Object.fromEntries(
    entries.map(([name, value]) => [snake(name), value] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** The configuration in a file. @throws {ConfigError} naming the file when a key is missing or out of range. */
export function configFromJson(json: unknown, file: string): TrainConfig {
  if (typeof json !== "object" || json === null)
    throw new ConfigError(`${file}: its training configuration is no JSON object`);
  const values = Object.entries(json).map(([name, value]) => [camel(name), value] as const);
  const among = (isOwn: boolean) => Object.fromEntries(values.filter(([name]) => isOwnKey(name) === isOwn));
  try {
    const needed = ["architecture", "preset", "epochs", "batch_size", "learning_rate", "optimizer", "step", "seed"];
    const missing = needed.find((name) => !Object.hasOwn(json, name));
    if (missing) throw new ConfigError(`${missing} is missing`);
    return trainConfig({ retire: 0, calibrate: 0, ...(among(true) as unknown as TrainRequest), options: among(false) });
  } catch (error) {
    // The message may quote a value of the file.
    const what = (error as Error).message.slice(0, 500).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
    throw new ConfigError(`${file}: ${what}; the file is damaged or of another version`);
  }
}
