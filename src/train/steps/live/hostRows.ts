/**
 * @file Which group each row is in. The host decides this before each run.
 *
 * A row without gradient goes on moving by its first moment, less at each step. The optimizer has a bound on the way
 * that is left. When the bound is below `retire` times the row's length, the row comes to rest.
 * `retire` is 2^-24 by default: half a unit in the last place of the row's largest entries.
 *
 * A row at rest stays where it is. Its first moment is dropped. Its second moment goes on decaying.
 */
import type { TrainConfig } from "../../../config/config.ts";
import { type HostTensor, int64s, tensor } from "../../../util/tensor.ts";
import { optimizerOf, slotName, stateShapes, type TrainState } from "../../state.ts";
import type { HostSide } from "../form.ts";
import { largestRate } from "../scheduled.ts";
import {
  blockCount,
  divided,
  driftNames,
  fedNames,
  type GroupName,
  inGroup,
  keptSlots,
  otherNames,
  rowMatrices,
  rowStateNames,
  scaleName,
  vectorNames,
} from "./layout.ts";

/**
 * A row that was not kept for so many steps is idle: it drifts or comes to rest. A ten-thousandth of its first moment is left (0.9^88).
 * Few idle rows are kept again. With half as many steps there were more of them: a run's added rows took 60 MB more at 2,048 dims and latents.
 */
const idleSteps = 88;

/** The state between runs. Rows stand in the order of their groups, so that a run is fed views of them. */
export class LiveRows implements HostSide {
  readonly #config: TrainConfig;
  /** The optimizer's slot that a tensor holds, by the tensor's name. Matrices are not in it. */
  readonly #slotOf: ReadonlyMap<string, string>;
  /** Vectors and scalars. */
  #vectors: TrainState;
  /** Matrices and slots `[latentDim, width]`, rows in the order of `#latents`. They are copies, and are written to. */
  readonly #rows: Readonly<Record<string, Float32Array>>;
  /** The latent of each row. Blocks come first, then drift, then rest, each in ascending order. */
  #latents: number[];
  /** How many rows are in blocks, and how many drift. */
  #count = { blocks: 0, drift: 0 };
  /** Latents at rest with a slot that is not zero: it goes on decaying. The other rows at rest were never kept. */
  #resting: Set<number>;

  /** Copies a state in canonical form. */
  constructor(config: TrainConfig, state: TrainState) {
    this.#config = config;
    this.#vectors = Object.fromEntries(vectorNames(config).map((name) => [name, copyOf(state[name]!)]));
    this.#rows = Object.fromEntries(rowStateNames(config).map((name) => [name, state[name]!.data.slice()]));
    this.#latents = Array.from({ length: config.latentDim }, (_, i) => i);
    this.#slotOf = new Map(
      rowMatrices(config).flatMap((name) => optimizerOf(config).slots.map((slot) => [slotName(slot, name), slot])),
    );
    const holds = (slots: readonly string[]) => (latent: number) =>
      [...this.#slotOf].some(([name, slot]) => slots.includes(slot) && hasNonZero(this.#row(name, latent)));
    const moving = this.#latents.filter(holds(optimizerOf(config).rest.moves));
    this.#resting = new Set(this.#latents.filter(holds(keptSlots(config))));
    for (const latent of moving) this.#resting.delete(latent);
    this.#arrange(moving);
  }

  get state(): TrainState {
    const shapes = stateShapes(this.#config);
    const canonical = (name: string): HostTensor<"float32"> => {
      const whole = this.#vectors[name];
      if (whole) return copyOf(whole);
      const [count, width] = shapes[name] as [number, number];
      const data = new Float32Array(count * width);
      for (const [at, latent] of this.#latents.entries()) data.set(this.#row(name, at), latent * width);
      return tensor("float32", [count, width], data);
    };
    return Object.fromEntries(Object.keys(shapes).map((name) => [name, canonical(name)]));
  }

  get isFirst(): boolean {
    return this.#count.blocks + this.#count.drift === 0;
  }

  feeds(): Readonly<Record<string, HostTensor>> {
    const groups = this.#groups().map(({ i, from, to }) => {
      const rows = fedNames(this.#config, i).map((name) => {
        const width = this.#width(name);
        return [inGroup(name, i), tensor("float32", [to - from, width], this.#rowsOf(name, from, to))] as const;
      });
      return { ...Object.fromEntries(rows), [inGroup("latents", i)]: int64s(this.#latents.slice(from, to)) };
    });
    return Object.assign({}, this.#vectors, ...groups);
  }

  collect(given: Readonly<Record<string, HostTensor>>): void {
    this.#vectors = Object.fromEntries(
      Object.keys(this.#vectors).map((name) => [name, given[name] as HostTensor<"float32">]),
    );
    const added = Array.from(given.added!.data as BigInt64Array, Number);
    for (const latent of added) this.#resting.delete(latent);
    const placeOf = this.#placeOf();
    for (const name of rowStateNames(this.#config)) {
      const slot = this.#slotOf.get(name);
      const scale = slot === undefined ? 1 : (given[scaleName(slot)]!.data[0] as number);
      for (const { i, from, to } of this.#groups()) {
        const rows = this.#rowsOf(name, from, to);
        const after = given[inGroup(name, i)]?.data as Float32Array | undefined;
        if (after) setScaled(rows, after, scale);
        // A run does not give the slots of drifting rows. They decay here. Those of rows at rest decay below.
        else if (i === "drift") setScaled(rows, rows, scale);
      }
      if (slot !== undefined && keptSlots(this.#config).includes(slot))
        for (const latent of this.#resting) {
          const row = this.#row(name, placeOf.get(latent)!);
          setScaled(row, row, scale);
        }
      const [width, addedRows] = [
        this.#width(name),
        given[inGroup(name, blockCount(this.#config))]!.data as Float32Array,
      ];
      for (const [i, latent] of added.entries())
        setScaled(this.#row(name, placeOf.get(latent)!), addedRows.subarray(i * width, (i + 1) * width), scale);
    }
    const moving = this.#latents.slice(0, this.#count.blocks + this.#count.drift);
    this.#arrange([...new Set([...moving, ...added])].sort((a, b) => a - b));
  }

  /**
   * Puts every row in its group. `moving` lists the latents that moved until now, ascending.
   * Idle rows with next to no way left come to rest, and lose their first moment. Other idle rows drift.
   */
  #arrange(moving: readonly number[]): void {
    const placeOf = this.#placeOf();
    const since = this.#vectors.steps_since_fired!.data;
    const drifts = driftNames(this.#config).length > 0;
    const [blocks, drift]: [number[], number[]] = [[], []];
    for (const latent of moving) {
      const at = placeOf.get(latent)!;
      const idle = since[latent]! >= idleSteps;
      if (idle && this.#atRest(at)) {
        this.#resting.add(latent);
        for (const [name, slot] of this.#slotOf)
          if (!keptSlots(this.#config).includes(slot)) this.#row(name, at).fill(0);
      } else (idle && drifts ? drift : blocks).push(latent);
    }
    this.#count = { blocks: blocks.length, drift: drift.length };
    const move = new Set([...blocks, ...drift]);
    const rest = this.#latents.filter((latent) => !move.has(latent)).sort((a, b) => a - b);
    this.#latents = [...blocks, ...drift, ...rest];
    const sources = this.#latents.map((latent) => placeOf.get(latent)!);
    for (const [name, rows] of Object.entries(this.#rows)) permuteRows(rows, this.#width(name), sources);
  }

  /** The groups that a run is fed, and the rows of each. */
  #groups(): { i: GroupName; from: number; to: number }[] {
    const { blocks, drift } = this.#count;
    const others = {
      drift: { from: blocks, to: blocks + drift },
      rest: { from: blocks + drift, to: this.#latents.length },
    };
    return [
      ...divided(blocks, blockCount(this.#config)).map((bounds, i) => ({ i, ...bounds })),
      ...otherNames(this.#config).map((i) => ({ i, ...others[i] })),
    ];
  }

  /** The place of each latent's row. */
  #placeOf(): ReadonlyMap<number, number> {
    return new Map(this.#latents.map((latent, at) => [latent, at]));
  }

  #width(name: string): number {
    return this.#rows[name]!.length / this.#latents.length;
  }

  /** The row at a place. */
  #row(name: string, at: number): Float32Array {
    return this.#rowsOf(name, at, at + 1);
  }

  #rowsOf(name: string, from: number, to: number): Float32Array {
    const width = this.#width(name);
    return this.#rows[name]!.subarray(from * width, to * width);
  }

  /** Whether the rows at a place have next to no way left, in every matrix. */
  #atRest(at: number): boolean {
    const { slots, scalars, rest } = optimizerOf(this.#config);
    const numbers = Object.fromEntries(scalars.map((name) => [name, this.#vectors[name]!.data[0]!]));
    return rowMatrices(this.#config).every((name) => {
      const rows = Object.fromEntries(slots.map((slot) => [slot, this.#row(slotName(slot, name), at)]));
      const most = (this.#config.retire ?? 0) * lengthOf(this.#row(name, at));
      return rest.within(most, rows, numbers, largestRate(this.#config, this.#vectors.steps_done?.data[0] ?? 0));
    });
  }
}

/** Moves row `sources[i]` to place `i`, for all i. It works in place and follows the cycles, with one row put aside for each. */
function permuteRows(rows: Float32Array, width: number, sources: readonly number[]): void {
  const done = new Uint8Array(sources.length);
  for (const [start] of sources.entries()) {
    if (done[start] || sources[start] === start) continue;
    const aside = rows.slice(start * width, (start + 1) * width);
    let at = start;
    for (; sources[at] !== start; at = sources[at]!) {
      done[at] = 1;
      rows.copyWithin(at * width, sources[at]! * width, (sources[at]! + 1) * width);
    }
    done[at] = 1;
    rows.set(aside, at * width);
  }
}

// Loops, as callbacks take about ten times as long.
function hasNonZero(row: Float32Array): boolean {
  for (let i = 0; i < row.length; i++) if (row[i] !== 0) return true;
  return false;
}

/** `target = source · scale`. The two may be the same array. */
function setScaled(target: Float32Array, source: Float32Array, scale: number): void {
  if (scale === 1) target.set(source);
  else for (let i = 0; i < target.length; i++) target[i] = source[i]! * scale;
}

function lengthOf(row: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < row.length; i++) squares += row[i]! * row[i]!;
  return Math.sqrt(squares);
}

const copyOf = ({ dims, data }: HostTensor<"float32">): HostTensor<"float32"> => tensor("float32", dims, data.slice());
