import { optimizerNames, optimizerOptions } from "../optim/index.ts";
import { type ScheduleName, schedules } from "../optim/schedules.ts";
import type { Options, OptionValues } from "../util/options.ts";

/** Rows a grid shuffles at a time unless told otherwise: 128 MiB of 512 dims, 512 MiB of 2,048. */
export const defaultShuffleRows = 65536;

const scheduleNames = Object.keys(schedules) as readonly ScheduleName[];

/** What a training is told besides what kind of SAE it trains: every key of a configuration, its flag, its place in files. */
export const trainOptions = {
  epochs: { type: "integer", min: 0, default: 25, describe: "times every training row is seen" },
  batchSize: {
    type: "integer",
    min: 1,
    default: 256,
    describe: "rows per step; the last batch of an epoch is what is left",
  },
  learningRate: {
    ...{ type: "number", min: 0, open: "min", default: 1e-3 },
    describe: "how far a step goes; where it is scheduled, its largest value",
  },
  seed: { type: "integer", min: 0, default: 0, describe: "seed of the first weights and of the order of rows" },
  optimizer: { type: "choice", choices: optimizerNames, default: "adam", describe: "how weights follow gradients" },
  ...(optimizerOptions as Record<never, never>),
  schedule: {
    ...{ type: "choice", choices: scheduleNames, default: "constant", quiet: true },
    describe: "how the learning rate falls after its warm-up",
  },
  warmup: {
    ...{ type: "number", min: 0, default: 0, quiet: true },
    describe: "the learning rate rises from 0 over this part of all steps (up to 1), or over so many steps (above 1)",
  },
  decay: {
    ...{ type: "number", min: 0, default: 1, quiet: true },
    describe:
      "it falls over this last part of all steps (up to 1), or over so many steps (above 1); from the warm-up on at most",
  },
  finalRate: {
    ...{ type: "number", min: 0, max: 1, default: 0, quiet: true },
    describe: "what share of the learning rate is left at the end of the schedule",
  },
  sparsityWarmup: {
    ...{ type: "number", min: 0, default: 0, quiet: true },
    describe:
      "a sparsity coefficient rises from 0, and k falls from --sparsity-start, over this part of all steps (up to 1), or so many (above 1)",
  },
  sparsityStart: {
    ...{ type: "integer", min: 0, max: "latentDim", default: 0, quiet: true },
    describe: "the k of the first step, with --sparsity-warmup [0: ten times k]",
  },
  ema: {
    ...{ type: "number", min: 0, max: 1, open: "max", default: 0, quiet: true },
    describe: "the finished SAE has a running mean of the weights, this much of it kept each step; 0: the last weights",
  },
  maxRowNorm: {
    ...{ type: "limit", default: "none", quiet: true },
    describe:
      "rows longer than this are left out of training: a length, or so many times the median's (10x); validation rows all stay",
  },
  inputScale: {
    ...{ type: "choice", choices: ["none", "entries", "rows"], default: "none", quiet: true },
    describe:
      "trains on activations multiplied so that entries, or rows, have a mean square of 1; undone in the finished SAE",
  },
  centre: {
    ...{ type: "boolean", default: false, quiet: true },
    describe: "trains on activations less their mean row; undone in the finished SAE's biases",
  },
  biasStart: {
    ...{ type: "choice", choices: ["own", "zeros", "mean", "geometric-median"], default: "own", quiet: true },
    describe:
      "first value of b_dec: the architecture's own, zeros, or of the training rows the mean or geometric median",
  },
  skip: {
    ...{ type: "boolean", default: false, quiet: true },
    describe: "a transcoder also adds W_skip x, a linear map of its input, to what it reconstructs",
  },
  tiedStart: {
    ...{ type: "choice", choices: ["own", "yes", "no"], default: "own", quiet: true },
    describe: "whether W_enc starts as a copy of W_dec: as the architecture has it, yes or no",
  },
  auxK: {
    ...{ type: "integer", min: 0, max: "latentDim", default: 0, quiet: true },
    describe: "dead latents kept per row by the auxiliary loss AuxK, which gives them a gradient; 0 turns it off",
  },
  auxCoefficient: {
    ...{ type: "number", min: 0, default: 1 / 32, quiet: true },
    describe: "weight of the auxiliary loss",
  },
  deadSteps: {
    ...{ type: "integer", min: 1, default: 100, quiet: true },
    describe: "steps without firing after which a latent is dead in training, for --aux-k and --resample-every",
  },
  resampleEvery: {
    ...{ type: "integer", min: 0, default: 0, quiet: true },
    describe: "before every so many epochs dead latents begin again, from rows that are rebuilt badly; 0: never",
  },
} as const satisfies Options;

/** The values of `trainOptions`, and of the optimizers' own options among them. */
export type TrainOptionValues = OptionValues<typeof trainOptions> & OptimizerValues;

/** The optimizers' options; one that the chosen optimizer does not have is left out. */
interface OptimizerValues {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly momentum?: number;
  readonly clipNorm: number;
  readonly weightDecay: number;
}
