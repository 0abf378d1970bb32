/**
 * @file Which rows are live, decided on the host before each run. A row without gradient goes on moving by its first moment,
 * less at each step. Once the rest of that way is shorter than `retire` of the row's length (2^-24: half a unit in the last
 * place of its largest entries), the row is at rest: it stays where it is, its first moment is dropped, and what it keeps (the
 * second moment) decays by one factor for all steps until it is kept again.
 */
import type { TrainConfig } from "../../sae/config.ts";
import { parametersOf } from "../../sae/spec.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import { optimizerOf, slotName, type TrainState } from "../state.ts";
import type { Batches } from "../wrappers/wrapper.ts";
import type { HostSide } from "./step.ts";

/** Parameters with a row per latent, which the live form carries as rows. */
export const rowMatrices = (config: TrainConfig): string[] =>
  Object.entries(parametersOf(config)).flatMap(([name, { shape, perLatent }]) =>
    perLatent && shape.length === 2 ? [name] : [],
  );

/** Names of the state tensors that are carried as rows: the matrices and their slots. */
export const rowStateNames = (config: TrainConfig): string[] =>
  rowMatrices(config).flatMap((name) => [name, ...optimizerOf(config).slots.map((slot) => slotName(slot, name))]);

/** The name of what a slot of rows is to be multiplied with: all that has decayed since the run started. */
export const scaleName = (slot: string): string => `scale.${slot}`;

/** Steps after which the first scale has fallen to 1e-12: a run has no more, so that what is divided by it stays far within float32. */
const stepsPerScale = (config: TrainConfig): number =>
  Math.floor(-Math.log(1e-12) / Math.max(0, ...Object.values(optimizerOf(config).decay).map((by) => -Math.log(by))));

/** Entries of the encoder's products that a run has at most: 28 steps of 256 rows at 2,048 dims and latents, some two seconds. */
const workPerRun = 3e10;

/** Rows kept within so many steps are not looked at: a moment has a hundredth left then (0.9^44), far from 2^-24. */
const idleSteps = 44;

/** The live rows of a training, from run to run. */
export class LiveRows implements HostSide {
  readonly #config: TrainConfig;
  readonly #matrices: readonly string[];
  /** The slots of the matrices that are zero where a row is at rest, and those that decay there. */
  readonly #moments: { readonly dropped: readonly string[]; readonly kept: readonly string[] };
  /** In canonical form, but for what the last run has left; owned, and written to. */
  #state: TrainState;
  /** Rows that may be live, ascending. */
  #moving: number[];
  /** Rows at rest that have kept something. */
  #resting: Set<number>;

  /** Of a state in canonical form, which is copied. */
  constructor(config: TrainConfig, state: TrainState) {
    this.#config = config;
    this.#matrices = rowMatrices(config);
    this.#state = copyOf(state);
    const latents = Array.from({ length: config.latentDim }, (_, i) => i);
    const { slots, rest } = optimizerOf(config);
    const kept = slots.filter((slot) => !rest.moves.includes(slot));
    this.#moments = { dropped: rest.moves, kept };
    const holds = (those: readonly string[]) => (latent: number) =>
      this.#matrices.some((name) => those.some((slot) => hasNonZero(this.#row(slotName(slot, name), latent))));
    this.#moving = latents.filter(holds(this.#moments.dropped));
    const moving = new Set(this.#moving);
    this.#resting = new Set(latents.filter((latent) => !moving.has(latent)).filter(holds(kept)));
  }

  get state(): TrainState {
    return copyOf(this.#state);
  }

  /**
   * A training's first batch keeps most latents that are ever kept: as a run of its own it leaves them in blocks for the second.
   * The others are divided so that there is news every few seconds; by sizes alone, as runs have a say in the last digits.
   */
  runs({ order, bounds }: Batches): readonly Batches[] {
    const { batchSize, inputDim, latentDim } = this.#config;
    const byWork = Math.max(8, Math.floor(workPerRun / (batchSize * inputDim * latentDim)));
    const most = Math.min(byWork, stepsPerScale(this.#config));
    const first = this.#moving.length === 0 ? 1 : 0;
    const rest = bounds.slice(first);
    const size = Math.ceil(rest.length / Math.ceil(rest.length / most));
    const parts = Array.from({ length: Math.ceil(rest.length / size) }, (_, i) => rest.slice(i * size, (i + 1) * size));
    return [bounds.slice(0, first), ...parts].filter(({ length }) => length > 0).map((bounds) => ({ order, bounds }));
  }

  feeds(): Readonly<Record<string, HostTensor>> {
    const { dropped } = this.#moments;
    this.#moving = this.#moving.filter((latent) => {
      if (!this.#atRest(latent)) return true;
      for (const name of this.#matrices) for (const slot of dropped) this.#row(slotName(slot, name), latent).fill(0);
      this.#resting.add(latent);
      return false;
    });
    return { ...this.#state, live: tensor("int64", [this.#moving.length], BigInt64Array.from(this.#moving, BigInt)) };
  }

  collect(given: Readonly<Record<string, HostTensor>>): void {
    const live = Array.from(given.live!.data as BigInt64Array, Number);
    for (const latent of live) this.#resting.delete(latent);
    const next: Record<string, HostTensor<"float32">> = { ...this.#state };
    for (const [name, value] of Object.entries(given))
      if (name in this.#state && value.dims.length < 2) next[name] = value as HostTensor<"float32">;
    this.#state = next;
    for (const name of rowStateNames(this.#config)) {
      const rows = given[name] as HostTensor<"float32">;
      const width = rows.dims[1]!;
      for (const [i, latent] of live.entries())
        this.#row(name, latent).set(rows.data.subarray(i * width, (i + 1) * width));
    }
    for (const slot of this.#moments.kept) {
      const factor = given[scaleName(slot)]!.data[0] as number;
      for (const latent of this.#resting)
        for (const name of this.#matrices) {
          const row = this.#row(slotName(slot, name), latent);
          for (let i = 0; i < row.length; i++) row[i]! *= factor;
        }
    }
    this.#moving = live.sort((a, b) => a - b);
  }

  #row(name: string, latent: number): Float32Array {
    const { dims, data } = this.#state[name]!;
    return data.subarray(latent * dims[1]!, (latent + 1) * dims[1]!);
  }

  /** Whether what a latent's rows would still move is too little to matter; asked only where they have not been kept for a while. */
  #atRest(latent: number): boolean {
    if (this.#state.steps_since_fired!.data[latent]! < idleSteps) return false;
    const { slots, scalars, rest } = optimizerOf(this.#config);
    const numbers = Object.fromEntries(scalars.map((name) => [name, this.#state[name]!.data[0]!]));
    return this.#matrices.every((name) => {
      const rows = Object.fromEntries(slots.map((slot) => [slot, this.#row(slotName(slot, name), latent)]));
      const most = (this.#config.retire ?? 0) * lengthOf(this.#row(name, latent));
      return rest.within(most, rows, numbers, this.#config.learningRate);
    });
  }
}

// Loops: callbacks take some ten times as long over a whole state.
function hasNonZero(row: Float32Array): boolean {
  for (let i = 0; i < row.length; i++) if (row[i] !== 0) return true;
  return false;
}

function lengthOf(row: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < row.length; i++) squares += row[i]! * row[i]!;
  return Math.sqrt(squares);
}

const copyOf = (state: TrainState): TrainState =>
  Object.fromEntries(
    Object.entries(state).map(([name, { dims, data }]) => [name, tensor("float32", dims, data.slice())]),
  );
