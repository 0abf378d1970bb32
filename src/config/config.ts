import { hasOption, type OptimizerName, optimizerNames, optimizerOptions } from "../optim/index.ts";
import { type ArchitectureName, architectures } from "../sae/index.ts";
import {
  architectureOf,
  keptPerRow,
  parametersOf,
  type SaeRequest,
  type SaeSpec,
  saeSpec,
  sparsityOf,
} from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import { type AnyOptionValues, checkOption, type Options, type OptionValue } from "../util/options.ts";
import { defaultShuffleRows, type TrainOptionValues, trainOptions } from "./trainOptions.ts";

/** The ways to write a training step; they agree to float rounding. */
export const stepNames = ["live", "dense"] as const;
export type StepName = (typeof stepNames)[number];

/** Everything that decides the bytes of a trained SAE, apart from the data and the machine. */
export interface TrainConfig extends SaeSpec, TrainOptionValues {
  readonly skip: boolean;
  readonly optimizer: OptimizerName;
  /** How the training step is written. */
  readonly step: StepName;
  /**
   * Step `live` only. A row that is not kept goes on moving by its moments, less at each step. Once the rest of that way is shorter than
   * this share of the row's length, the row is left alone until it is kept again. Left out: rows are never left alone.
   */
  readonly retire?: number;
  /**
   * Architectures with a threshold only. This share of the training rows, the last ones, is trained on by no step. The finished SAE's
   * threshold is set on them, so that they keep k latents on average. Left out: the threshold is what training carried.
   */
  readonly calibrate?: number;
  /** Rows shuffled at a time, where there are more: an epoch's order is a shuffle of blocks, then of windows of about so many rows. */
  readonly shuffleRows?: number;
  /** Steps of the whole training: known where the rows are, and kept where a schedule depends on it. */
  readonly totalSteps?: number;
  /** SHA-256 of the checkpoint whose weights it started from. Left out: weights drawn from the seed. */
  readonly initFrom?: string;
}

/** What a training configuration is made from; defaults are the experiment's. */
export type TrainRequest = SaeRequest & {
  readonly [K in Exclude<keyof TrainConfig, Exclude<keyof SaeSpec, "skip"> | "step" | "optimizer">]?:
    | TrainConfig[K]
    | undefined;
} & { readonly step?: string | undefined; readonly optimizer?: string | undefined };

/** Half a unit in the last place of a float32 number, relative to it. */
const defaultRetire = 2 ** -24;

/** Share of the training rows that a threshold is set on. */
const defaultCalibrate = 0.1;

/** A threshold needs no more rows than this. */
const mostCalibrated = 4096;

/** Steps are counted in float32, which holds whole numbers up to this. */
const mostSteps = 2 ** 24;

/** Whether a batch leaves most latents out: there are so many per kept one. */
export const leavesManyOut = (spec: SaeSpec): boolean => spec.latentDim >= 24 * (keptPerRow(spec) ?? spec.latentDim);

/**
 * Whether leaving rows out of a step pays. It does where a batch leaves most out; with rows of many dims also where it leaves some out.
 * Where nearly all are used it does not: picking them takes 5 to 15 % of the time.
 */
const leavingOutPays = (spec: SaeSpec): boolean =>
  leavesManyOut(spec) || (spec.inputDim >= 1024 && spec.latentDim >= 8 * (keptPerRow(spec) ?? spec.latentDim));

/** The defaults of training that are an architecture's own. */
export const ownDefaults = (spec: SaeSpec): AnyOptionValues =>
  architectureOf(spec).training?.(spec.options, { preset: spec.preset, dims: spec }) ?? {};

/** Those that a request leaves room for: what was asked for comes first, and they must not contradict it. */
function fittingDefaults(spec: SaeSpec, { schedule, initFrom }: TrainRequest): AnyOptionValues {
  const { decay, tiedStart, biasStart, ...own } = ownDefaults(spec);
  return {
    ...own,
    ...(decay !== undefined && schedule !== "constant" ? { decay } : {}),
    ...(tiedStart !== undefined && initFrom === undefined ? { tiedStart } : {}),
    ...(biasStart !== undefined && initFrom === undefined ? { biasStart } : {}),
  };
}

/** What every option of a training may be, those of the optimizers included. */
export const allOptions: Options = { ...trainOptions, ...optimizerOptions };

/** What a request may say besides the options of a training. */
const requestNames: Readonly<Record<Exclude<keyof TrainRequest, keyof TrainOptionValues>, true>> = {
  ...{ architecture: true, preset: true, options: true, inputDim: true, latentDim: true, outputDim: true },
  ...{ skip: true, optimizer: true, step: true, retire: true, calibrate: true, shuffleRows: true },
  ...{ totalSteps: true, initFrom: true },
};

/** @throws {ConfigError} for a name that is none of a request: it would be left out without a word. */
function checkNames(request: TrainRequest): void {
  const known = Object.keys({ ...requestNames, ...allOptions });
  const unknown = Object.keys(request).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const { architecture = "topk" } = request;
  const own = Object.hasOwn(architectures, architecture) && architectures[architecture as ArchitectureName].options;
  throw new ConfigError(
    own && Object.hasOwn(own, unknown)
      ? `${unknown} is an option of architecture ${architecture}; write options: { ${unknown}: ... }`
      : `a training configuration has no ${unknown}; it has ${known.join(", ")}`,
  );
}

/**
 * A complete, checked configuration. Defaults: those of `trainOptions`, all rows shuffled at once, the step that is faster for this
 * k and latentDim.
 * @throws {ConfigError} for names that there are not, values out of range, and options that contradict each other.
 */
export function trainConfig(request: TrainRequest): TrainConfig {
  checkNames(request);
  const spec = saeSpec(request);
  const optimizer = optimizerNames.find((name) => name === (request.optimizer ?? trainOptions.optimizer.default));
  if (!optimizer)
    throw new ConfigError(`optimizer must be one of ${optimizerNames.join(", ")}, got ${request.optimizer}`);
  const values: Record<string, OptionValue> = {};
  const own = fittingDefaults(spec, request);
  for (const [name, option] of Object.entries(allOptions)) {
    const given = request[name as keyof TrainRequest] as OptionValue | undefined;
    const isOwn = Object.hasOwn(optimizerOptions, name) && !hasOption(optimizer, name);
    if (isOwn && given !== undefined)
      throw new ConfigError(
        `${name} is no option of optimizer ${optimizer}; leave it out, or choose another optimizer`,
      );
    if (isOwn) continue;
    values[name] = given === undefined ? (own[name] ?? (option.default as OptionValue)) : given;
    checkOption(
      name,
      name === "epochs" && isTrained(spec) ? ({ ...option, min: 1 } as typeof option) : option,
      values[name],
      spec,
    );
  }
  const { shuffleRows, totalSteps, initFrom } = request;
  for (const [name, count] of Object.entries({ shuffleRows, totalSteps }))
    if (count !== undefined && !(Number.isSafeInteger(count) && count >= 1))
      throw new ConfigError(`${name} must be an integer of at least 1, got ${count}`);
  const whole = { ...spec, ...(values as unknown as TrainOptionValues), optimizer };
  checkTogether(whole, initFrom);
  const step = stepOf(whole, request.step);
  const { retire = step === "live" ? defaultRetire : 0 } = request;
  if (!(retire >= 0 && retire < 1e-3)) throw new ConfigError(`retire must be a number from 0 to 1e-3, got ${retire}`);
  if (retire > 0 && step !== "live" && request.step !== undefined)
    throw new ConfigError(`retire is for step live, step is ${step}; leave one of them out`);
  const hasThreshold = isTrained(spec) && architectureOf(spec).state?.threshold !== undefined;
  const { calibrate = hasThreshold ? defaultCalibrate : 0 } = request;
  if (!(calibrate >= 0 && calibrate <= 0.5))
    throw new ConfigError(`calibrate must be a number from 0 to 0.5, got ${calibrate}`);
  if (calibrate > 0 && !hasThreshold)
    throw new ConfigError(
      `calibrate sets a threshold, which architecture ${spec.architecture} has not; leave calibrate out`,
    );
  return {
    ...whole,
    step,
    ...(calibrate > 0 ? { calibrate } : {}),
    ...(retire > 0 && step === "live" ? { retire } : {}),
    ...(shuffleRows === undefined ? {} : { shuffleRows }),
    ...(totalSteps === undefined ? {} : { totalSteps }),
    ...(initFrom === undefined ? {} : { initFrom }),
  };
}

const isTrained = (spec: SaeSpec): boolean => architectureOf(spec).trainable !== false;

type Whole = SaeSpec & TrainOptionValues & { readonly optimizer: OptimizerName };

/** @throws {ConfigError} for options that contradict each other. */
function checkTogether(config: Whole, initFrom: string | undefined): void {
  const { schedule, decay, finalRate, sparsityWarmup, sparsityStart, centre, biasStart } = config;
  if (schedule === "constant" && (decay !== 1 || finalRate !== 0))
    throw new ConfigError(
      `${decay !== 1 ? "decay" : "finalRate"} is for a schedule that falls, schedule is constant; choose linear or cosine`,
    );
  const { sparsity, options } = architectureOf(config);
  if (sparsityWarmup > 0 && sparsity === undefined)
    throw new ConfigError(`architecture ${config.architecture} has no sparsity to warm up; leave sparsityWarmup out`);
  const isCount = sparsity !== undefined && options[sparsity]!.type === "integer";
  if (sparsityStart > 0 && (sparsityWarmup === 0 || !isCount))
    throw new ConfigError(
      `sparsityStart is where k starts from while it falls; it needs sparsityWarmup, and an architecture with a k`,
    );
  if (sparsityStart > 0 && sparsityStart < sparsityOf(config)!)
    throw new ConfigError(`sparsityStart must be at least ${sparsity} = ${sparsityOf(config)}, got ${sparsityStart}`);
  checkDead(config);
  if (!isTrained(config)) return;
  const parameters = parametersOf(config);
  if (config.skip && config.outputDim === undefined)
    throw new ConfigError(
      "skip is for a transcoder, which reconstructs targets; an SAE would learn to copy its input; give targets (--target), or leave it out",
    );
  if (!parameters.b_dec && (centre || biasStart !== "own"))
    throw new ConfigError(
      `${centre ? "centre" : "biasStart"} needs a decoder bias b_dec, which ${config.architecture} with these options has not; add decoderBias, or leave it out`,
    );
  if (!parameters.W_enc && config.tiedStart !== "own")
    throw new ConfigError(`tiedStart is for an encoder W_enc, which ${config.architecture} has not; leave it out`);
  if (initFrom !== undefined && (biasStart !== "own" || config.tiedStart !== "own"))
    throw new ConfigError(
      `${biasStart !== "own" ? "biasStart" : "tiedStart"} says where weights start, and so does initFrom; give one of them`,
    );
  if (config.tiedStart === "yes" && config.outputDim !== undefined && config.outputDim !== config.inputDim)
    throw new ConfigError(
      `tiedStart needs inputs and targets of one width, they are ${config.inputDim} and ${config.outputDim} wide; leave it out`,
    );
}

/** The options that are for dead latents, by the names of those that were asked for. A preset's own may have nothing to do. */
const forDead = (config: SaeSpec & TrainOptionValues): readonly ("auxK" | "resampleEvery")[] =>
  (["auxK", "resampleEvery"] as const).filter((name) => config[name] > 0 && ownDefaults(config)[name] !== config[name]);

/** @throws {ConfigError} for options that are for dead latents, where no latent can die or be brought back. */
function checkDead(config: Whole): void {
  const { architecture, options, latentDim, resampleEvery, epochs } = config;
  const { revival, sparsity, params } = architectureOf(config);
  const [first] = forDead(config);
  if (first === undefined) return;
  if (config.auxK > 0 && !revival)
    throw new ConfigError(`auxK: architecture ${architecture} has no way to revive dead latents; leave auxK out`);
  if (keptPerRow(config) === latentDim && revival && revival(options).by !== "relu")
    throw new ConfigError(
      `${first}: with ${sparsity} = latentDim = ${latentDim} every row keeps every latent, so that none can die; leave ${first} out, or lower ${sparsity}`,
    );
  const { W_enc, W_dec } = params(config, options);
  if (resampleEvery > 0 && !(W_enc?.perLatent && W_dec?.perLatent))
    throw new ConfigError(
      `resampleEvery needs an encoder W_enc and a decoder W_dec with a row for each latent, which ${architecture} has not; leave resampleEvery out`,
    );
  if (resampleEvery >= epochs)
    throw new ConfigError(
      `resampleEvery = ${resampleEvery}: of ${epochs} epochs none begins after so many, so that nothing would be resampled; lower it, or leave it out`,
    );
}

/** @throws {ConfigError} where a training is too short for a latent to die before that would matter. */
function checkTimeToDie(config: TrainConfig, stepsPerEpoch: number): void {
  const { deadSteps, resampleEvery, epochs } = config;
  for (const option of forDead(config)) {
    const before = option === "auxK" ? epochs : resampleEvery * Math.floor((epochs - 1) / resampleEvery);
    const steps = before * stepsPerEpoch;
    // A loss sees how it stood before its step.
    if (option === "auxK" ? deadSteps < steps : deadSteps <= steps) continue;
    const has = option === "auxK" ? `the whole training has ${steps}` : `only ${steps} come before the last resampling`;
    throw new ConfigError(
      `${option}: a latent is dead after deadSteps = ${deadSteps} steps, and ${has}, so that none can die; lower deadSteps, or leave ${option} out`,
    );
  }
}

/** What a step of form live may leave of a moment, at the least: then several steps of a run stay within float32. */
const leastDecay = 0.05;

/** Why a configuration's step must see every latent; `undefined` where it may leave out those that a batch does not keep. */
export function needsAll(config: Whole): string | undefined {
  const { architecture, options, ema, weightDecay, sparsityWarmup } = config;
  if (architectureOf(config).onlyKept?.(options) !== true)
    return `step live needs a loss that only the kept latents have a part in, ${architecture} with these options has another`;
  if (architectureOf(config).state)
    return `step live carries no state of an architecture, and ${architecture} has some`;
  if (weightDecay > 0) return "step live needs rows that come to rest, with weightDecay they never do";
  if (ema > 0) return "step live needs rows that come to rest, their running mean (ema) does not";
  const brief = (["beta1", "beta2", "momentum"] as const).find((name) => (config[name] ?? 1) < leastDecay);
  if (brief)
    return `step live divides moments by how far they have decayed, which needs ${brief} of at least ${leastDecay}`;
  if (sparsityWarmup > 0) return "step live needs the same k at every step, sparsityWarmup changes it";
  return undefined;
}

function stepOf(config: Whole, wanted: string | undefined): StepName {
  const reason = needsAll(config);
  const pays = leavingOutPays(config) && config.auxK === 0;
  const step = wanted ?? (reason === undefined && pays ? "live" : "dense");
  if (!stepNames.includes(step as StepName))
    throw new ConfigError(`step must be one of ${stepNames.join(", ")}, got ${step}`);
  if (step === "live" && reason !== undefined) throw new ConfigError(`${reason}; use step dense`);
  return step as StepName;
}

/** Whether anything changes from step to step, so that steps must be counted. */
export const isScheduled = (config: TrainConfig): boolean =>
  needsTotal(config) || config.warmup > 0 || config.sparsityWarmup > 0;

/** Whether a schedule depends on how many steps there are in all. */
export const needsTotal = (config: TrainConfig): boolean =>
  config.schedule !== "constant" ||
  architectureOf(config).timed === true ||
  [config.warmup, config.sparsityWarmup].some((one) => one > 0 && one <= 1);

/** How many of the training rows, the last ones, no step sees. */
export const heldOut = ({ calibrate = 0 }: TrainConfig, rows: number): number =>
  Math.min(mostCalibrated, Math.ceil(calibrate * rows));

/**
 * The configuration for so many training rows: it keeps the steps of the whole training, where a schedule depends on them.
 * @throws {ConfigError} when a schedule would count more steps than float32 holds, or the training is too short for a latent to die.
 */
export function timedFor({ totalSteps: _, ...config }: TrainConfig, rows: number): TrainConfig {
  const trained = rows - heldOut(config, rows);
  if (trained < config.batchSize && rows >= config.batchSize)
    throw new ConfigError(
      `calibrate holds out ${rows - trained} of ${rows} training rows, and the ${trained} left are fewer than one batch of ${config.batchSize}; use a smaller batch size or more rows, or calibrate 0`,
    );
  const stepsPerEpoch = Math.ceil(trained / config.batchSize);
  checkTimeToDie(config, stepsPerEpoch);
  if (!isScheduled(config)) return config;
  const totalSteps = stepsPerEpoch * config.epochs;
  if (totalSteps > mostSteps)
    throw new ConfigError(
      `a schedule counts at most ${mostSteps} steps, ${config.epochs} epochs are ${totalSteps}; use larger batches or fewer epochs`,
    );
  return needsTotal(config) ? { ...config, totalSteps } : config;
}

/** The same; and it keeps `shuffleRows` (default 65,536) only where there are more rows than that. */
export function fittedTo({ shuffleRows = defaultShuffleRows, ...config }: TrainConfig, rows: number): TrainConfig {
  return {
    ...timedFor(config, rows),
    ...(rows - heldOut(config as TrainConfig, rows) > shuffleRows ? { shuffleRows } : {}),
  };
}
