import { architectureOf, type SaeRequest, type SaeSpec, saeSpec } from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";

/** The ways to write a training step; they agree to float rounding. */
export const stepNames = ["live", "dense"] as const;
export type StepName = (typeof stepNames)[number];

/** Everything that decides the bytes of a trained SAE, apart from the data and the machine. */
export interface TrainConfig extends SaeSpec {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly optimizer: string;
  /** How the training step is written. */
  readonly step: StepName;
  /**
   * Step `live` only: a row that would move by less than this part of its length in all, were it kept no more, is at rest and
   * left alone until it is. Left out: rows are never left alone.
   */
  readonly retire?: number;
  /** Rows shuffled at a time, where there are more: an epoch's order is a shuffle of blocks, then of windows of about so many rows. */
  readonly shuffleRows?: number;
  /** Seed of the first weights and of the order of rows. */
  readonly seed: number;
}

/** What a training configuration is made from; defaults are the experiment's. */
export interface TrainRequest extends SaeRequest {
  readonly epochs?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly seed?: number | undefined;
  readonly step?: string | undefined;
  readonly retire?: number | undefined;
  readonly shuffleRows?: number | undefined;
}

/** Rows a grid shuffles at a time unless told otherwise: 128 MiB of 512 dims, 512 MiB of 2,048. */
export const defaultShuffleRows = 65536;

/** Half a unit in the last place of a float32 number, relative to it. */
const defaultRetire = 2 ** -24;

/** Whether a batch leaves most latents out: there are so many per kept one. */
export const leavesManyOut = ({ latentDim, options }: SaeSpec): boolean => latentDim >= 24 * Number(options.k);

/**
 * Whether leaving rows out of a step pays: where a batch leaves most out, and with rows of many dims where it leaves some out. Where nearly
 * all are used, picking them takes 5 to 15 % of the time.
 */
const leavingOutPays = (spec: SaeSpec): boolean =>
  leavesManyOut(spec) || (spec.inputDim >= 1024 && spec.latentDim >= 8 * Number(spec.options.k));

/**
 * A complete, checked configuration. Defaults: 25 epochs, batches of 256 rows, Adam at learning rate 1e-3, seed 0, all rows
 * shuffled at once, the step that is faster for this k and latentDim.
 * @throws {ConfigError} for values out of range.
 */
export function trainConfig(request: TrainRequest): TrainConfig {
  const { epochs = 25, batchSize = 256, learningRate = 1e-3, seed = 0, shuffleRows } = request;
  const spec = saeSpec(request);
  const fewest = architectureOf(spec).trainable === false ? 0 : 1;
  const whole = {
    epochs: [epochs, fewest],
    batchSize: [batchSize, 1],
    shuffleRows: [shuffleRows ?? 1, 1],
    seed: [seed, 0],
  } as const;
  for (const [name, [value, min]] of Object.entries(whole))
    if (!Number.isSafeInteger(value) || value < min)
      throw new ConfigError(`${name} must be an integer of at least ${min}, got ${value}`);
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    throw new ConfigError(`learningRate must be a number above 0, got ${learningRate}`);
  const step = stepOf(spec, request.step);
  const { retire = step === "live" ? defaultRetire : 0 } = request;
  if (!(retire >= 0 && retire < 1e-3)) throw new ConfigError(`retire must be a number from 0 to 1e-3, got ${retire}`);
  if (retire > 0 && step !== "live" && request.step !== undefined)
    throw new ConfigError(`retire is for step live, step is ${step}; leave one of them out`);
  const retired = retire > 0 && step === "live" ? { retire } : {};
  const shuffle = shuffleRows === undefined ? {} : { shuffleRows };
  return { ...spec, epochs, batchSize, learningRate, optimizer: "adam", step, ...retired, ...shuffle, seed };
}

/** The configuration for so many training rows: it keeps `shuffleRows` (default 65,536) only where there are more of them. */
export function shuffledFor({ shuffleRows = defaultShuffleRows, ...config }: TrainConfig, rows: number): TrainConfig {
  return rows > shuffleRows ? { ...config, shuffleRows } : config;
}

function stepOf(spec: SaeSpec, wanted: string | undefined): StepName {
  const mayLeaveOut = architectureOf(spec).onlyKept?.(spec.options) === true;
  const step = wanted ?? (mayLeaveOut && leavingOutPays(spec) ? "live" : "dense");
  if (!stepNames.includes(step as StepName))
    throw new ConfigError(`step must be one of ${stepNames.join(", ")}, got ${step}`);
  if (step === "live" && !mayLeaveOut)
    throw new ConfigError(
      `step live needs a loss that only the kept latents have a part in, ${spec.architecture} with these options has another; use step dense`,
    );
  return step as StepName;
}

/** What a request has besides the architecture's options. */
const requestKeys: readonly string[] = [
  ...["architecture", "preset", "inputDim", "latentDim"],
  ...["epochs", "batchSize", "learningRate", "step", "retire", "shuffleRows", "seed"],
];

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** A configuration as files keep it: snake_case keys, the architecture's options among the others, in a fixed order. */
export function configToJson({ options, ...rest }: TrainConfig): Record<string, number | string | boolean> {
  const entries = Object.entries({ ...rest, ...options } as Record<string, number | string | boolean>);
  return Object.fromEntries(
    entries.map(([name, value]) => [snake(name), value] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** The configuration in a file. @throws {ConfigError} naming the file when a key is missing or out of range. */
export function configFromJson(json: unknown, file: string): TrainConfig {
  if (typeof json !== "object" || json === null)
    throw new ConfigError(`${file}: its training configuration is no JSON object`);
  const { optimizer, ...values } = Object.fromEntries(
    Object.entries(json).map(([name, value]) => [camel(name), value]),
  );
  const among = (isRequest: boolean) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => requestKeys.includes(name) === isRequest));
  try {
    const missing = ["architecture", "preset", "epochs", "batch_size", "learning_rate", "step", "seed"].find(
      (name) => !Object.hasOwn(json, name),
    );
    if (missing) throw new ConfigError(`${missing} is missing`);
    const config = trainConfig({ retire: 0, ...(among(true) as unknown as TrainRequest), options: among(false) });
    if (optimizer !== config.optimizer)
      throw new ConfigError(`optimizer must be ${config.optimizer}, got ${optimizer}`);
    return config;
  } catch (error) {
    // The message may quote a value of the file.
    const what = (error as Error).message.slice(0, 500).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
    throw new ConfigError(`${file}: ${what}; the file is damaged or of another version`);
  }
}
