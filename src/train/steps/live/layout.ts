/**
 * @file How the live form lays out the state, inside a run and on the host: tensors with a row per latent are cut into parts, each
 * ascending by its latents. Rows kept of late stand in blocks; those that only drift, moved by what they were given before, in the part
 * "drift", whose slots a run leaves as they are; all others in the part "rest", of which a row has no more than where it rests.
 */
import { leavesManyOut, type TrainConfig } from "../../../config/config.ts";
import { parametersOf } from "../../../sae/spec.ts";
import { optimizerOf, slotName, stateShapes } from "../../state.ts";

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
const restNames = (config: TrainConfig): string[] => withSlots(config, keptSlots(config));

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

/** The name of what is made of a slot of drifting rows, for all steps of a run. */
export const heldName = (slot: string, matrix: string): string => `held.${slotName(slot, matrix)}`;

/** A part: the number of a block, or the name of another one. */
export type PartName = number | "drift" | "rest";

/** The name of a tensor's rows in a part. */
export const part = (name: string, i: PartName): string => `${name}.${i}`;

/** Names of the state tensors that a part is fed. */
export const fedNames = (config: TrainConfig, i: PartName): string[] =>
  i === "rest" ? restNames(config) : rowStateNames(config);

/** About so many bytes make a block where every row is live, small enough for a cache; more blocks than this would be more nodes than help. */
const blockBytes = 2 ** 22;
const mostBlocks = 16;

/** How many blocks the live rows are cut into. */
export const blockCount = ({ latentDim, inputDim }: TrainConfig): number =>
  Math.min(mostBlocks, Math.ceil((4 * latentDim * inputDim) / blockBytes));

/** The blocks' names. */
export const blockNames = (config: TrainConfig): number[] => Array.from({ length: blockCount(config) }, (_, i) => i);

/** The parts whose rows are in no block when a run starts. */
export const otherNames = (config: TrainConfig): ("drift" | "rest")[] => [...driftNames(config), "rest"];

/**
 * The part of rows that drift, where it pays: many rows are idle where there are many latents per kept one, and passes over them weigh
 * where they are more than fits a cache. Elsewhere idle rows stay in their blocks.
 */
export const driftNames = (config: TrainConfig): "drift"[] =>
  leavesManyOut(config) && blockCount(config) >= 4 ? ["drift"] : [];

/** From where to where each of some parts of about equal size reaches. */
export function divided(rows: number, parts: number): { from: number; to: number }[] {
  const start = (i: number) => Math.floor((rows * i) / parts);
  return Array.from({ length: parts }, (_, i) => ({ from: start(i), to: start(i + 1) }));
}
