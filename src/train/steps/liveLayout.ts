/**
 * @file How the live form lays out the state, inside a run and on the host: tensors with a row per latent are cut into parts. The live
 * rows stand in blocks, ascending by their latents; all others in the part "rest", of which a row has no more than where it rests.
 */
import type { TrainConfig } from "../../sae/config.ts";
import { parametersOf } from "../../sae/spec.ts";
import { optimizerOf, slotName, stateShapes } from "../state.ts";

/** Parameters with a row per latent, which the live form carries as rows. */
export const rowMatrices = (config: TrainConfig): string[] =>
  Object.entries(parametersOf(config)).flatMap(([name, { shape, perLatent }]) =>
    perLatent && shape.length === 2 ? [name] : [],
  );

const withSlots = (config: TrainConfig, slots: readonly string[]): string[] =>
  rowMatrices(config).flatMap((name) => [name, ...slots.map((slot) => slotName(slot, name))]);

/** Names of the state tensors that are carried as rows: the matrices and their slots. */
export const rowStateNames = (config: TrainConfig): string[] => withSlots(config, optimizerOf(config).slots);

/** Those of them that a row at rest has something in: the slots that would move it are zero. */
export const restNames = (config: TrainConfig): string[] => withSlots(config, keptSlots(config));

/** Slots that a row at rest keeps. */
export const keptSlots = (config: TrainConfig): string[] => {
  const { slots, rest } = optimizerOf(config);
  return slots.filter((slot) => !rest.moves.includes(slot));
};

/** Names of the state tensors that are carried whole: vectors and scalars. */
export const vectorNames = (config: TrainConfig): string[] => {
  const rows = rowStateNames(config);
  return Object.keys(stateShapes(config)).filter((name) => !rows.includes(name));
};

/** The name of what a slot of rows is to be multiplied with: all that has decayed since the run started. */
export const scaleName = (slot: string): string => `scale.${slot}`;

/** The name of a tensor's rows in a part. */
export const part = (name: string, i: number | "rest"): string => `${name}.${i}`;

/** About so many bytes make a block where every row is live, small enough for a cache; more blocks than this would be more nodes than help. */
const blockBytes = 2 ** 22;
const mostBlocks = 16;

/** How many blocks the live rows are cut into. */
export const blockCount = ({ latentDim, inputDim }: TrainConfig): number =>
  Math.min(mostBlocks, Math.ceil((4 * latentDim * inputDim) / blockBytes));

/** Where block `i` of so many rows starts. */
export const blockStart = (config: TrainConfig, rows: number, i: number): number =>
  Math.floor((rows * i) / blockCount(config));
