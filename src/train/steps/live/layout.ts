/**
 * @file How the live form lays out the state, in the graph and on the host.
 * Tensors with one row per latent are cut into groups of rows. Each group is in ascending order of its latents.
 *
 * - Blocks hold the rows that were kept of late. Where there is no group "drift" they hold every row that moves.
 * - The group "drift" holds rows that were not kept for a while and still move. A run reads their slots and does not write them.
 * - The group "rest" holds all other rows. A run is fed only what such a row has: its parameters, and the slots it keeps.
 */
import { leavesManyOut, type TrainConfig } from "../../../config/config.ts";
import { parametersOf } from "../../../sae/spec.ts";
import { optimizerOf, slotName, stateShapes } from "../../state.ts";

/** The matrices with one row per latent. The live form cuts them into groups. */
export const rowMatrices = (config: TrainConfig): string[] =>
  Object.entries(parametersOf(config)).flatMap(([name, { shape, perLatent }]) =>
    perLatent && shape.length === 2 ? [name] : [],
  );

const withSlots = (config: TrainConfig, slots: readonly string[]): string[] =>
  rowMatrices(config).flatMap((name) => [name, ...slots.map((slot) => slotName(slot, name))]);

/** Names of the state tensors that are cut into groups: the matrices and their slots. */
export const rowStateNames = (config: TrainConfig): string[] => withSlots(config, optimizerOf(config).slots);

/** Those that can be non-zero in a row at rest. The slots that would move it are zero. */
const restNames = (config: TrainConfig): string[] => withSlots(config, keptSlots(config));

/** Slots that a row at rest keeps: Adam's second moment. */
export const keptSlots = (config: TrainConfig): string[] => {
  const { slots, rest } = optimizerOf(config);
  return slots.filter((slot) => !rest.moves.includes(slot));
};

/** Names of the state tensors that stay whole: vectors and scalars. */
export const vectorNames = (config: TrainConfig): string[] => {
  const rows = rowStateNames(config);
  return Object.keys(stateShapes(config)).filter((name) => !rows.includes(name));
};

/** The name of a slot's scale: how much the slot has decayed since the run started. The slot's true value is the product of the two. */
export const scaleName = (slot: string): string => `scale.${slot}`;

/** The name of what a run makes of a slot of drifting rows. It is made once and serves every step. */
export const heldName = (slot: string, matrix: string): string => `held.${slotName(slot, matrix)}`;

/** A group of rows: the number of a block, or a name. */
export type GroupName = number | "drift" | "rest";

/** The name of a tensor's rows in a group, such as `W_enc.0` or `latents.drift`. */
export const inGroup = (name: string, i: GroupName): string => `${name}.${i}`;

/** Names of the state tensors that a run is fed for a group. */
export const fedNames = (config: TrainConfig, i: GroupName): string[] =>
  i === "rest" ? restNames(config) : rowStateNames(config);

/** Bytes of a block when every row is live: small enough for a cache. */
const blockBytes = 2 ** 22;
/** Each block adds nodes to the graph. More than this would cost more than they save. */
const mostBlocks = 16;

/** How many blocks there are. */
export const blockCount = ({ latentDim, inputDim }: TrainConfig): number =>
  Math.min(mostBlocks, Math.ceil((4 * latentDim * inputDim) / blockBytes));

/** The names of the blocks. */
export const blockNames = (config: TrainConfig): number[] => Array.from({ length: blockCount(config) }, (_, i) => i);

/** The groups that are not blocks. */
export const otherNames = (config: TrainConfig): ("drift" | "rest")[] => [...driftNames(config), "rest"];

/**
 * The group of drifting rows, where it pays. It pays when many rows are idle, which needs many latents per kept one.
 * And it pays when the rows do not fit a cache. Elsewhere idle rows stay in their blocks.
 * With `auxK` an idle row may learn at any step, so it stays there too.
 */
export const driftNames = (config: TrainConfig): "drift"[] =>
  leavesManyOut(config) && blockCount(config) >= 4 && config.auxK === 0 ? ["drift"] : [];

/** The bounds of `count` stretches of rows of about equal size. */
export function divided(rows: number, count: number): { from: number; to: number }[] {
  const start = (i: number) => Math.floor((rows * i) / count);
  return Array.from({ length: count }, (_, i) => ({ from: start(i), to: start(i + 1) }));
}
