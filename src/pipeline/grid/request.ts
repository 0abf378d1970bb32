import type { Weights } from "../../checkpoint/checkpoint.ts";
import type { TrainConfig } from "../../config/config.ts";
import type { SaeRecord } from "../../record/record.ts";
import type { ProviderName } from "../../runtime/capabilities.ts";
import type { IdleSessions } from "../../runtime/idleSessions.ts";
import type { Machine } from "../../runtime/machine.node.ts";
import type { AnySet } from "../dataset.node.ts";
import type { TrainingPool } from "./pool.node.ts";

/** What to train, on what, and where to. */
export interface GridRun {
  readonly set: AnySet;
  /** The first so many rows train; default: the set's `split` column, else the first 80 %. */
  readonly trainRows?: number | undefined;
  readonly configs: readonly TrainConfig[];
  /** What is to be reconstructed of each row of `set`; default: the row itself. */
  readonly target?: AnySet | undefined;
  /** The weights every training starts from, by parameter; the configurations' `initFrom` names them. Default: drawn from the seed. */
  readonly start?: Weights | undefined;
  /** Whether a finished SAE's training state is kept beside it, to go on from; default true. */
  readonly keepState?: boolean | undefined;
  /** Folder of the files. */
  readonly out: string;
  /** First part of the files' names. */
  readonly name: string;
  /** What stands behind that in the name of each SAE; default: what tells the configurations apart. */
  readonly stems?: readonly string[] | undefined;
  readonly provider: ProviderName;
  /**
   * Threads inside an op, on a host. They change the last digits. Default: those it began with; else one each, or the cores over the SAEs
   * left to train where these are fewer.
   */
  readonly threads?: number | undefined;
  /** Epochs in one run, which cannot be interrupted; the result does not depend on it. Default: as `train` has it; step `live` has runs of its own. */
  readonly epochsPerRun?: number | undefined;
  /**
   * SAEs trained side by side, each in a process of its own; the result does not depend on it. Default: as many as cores and memory have
   * room for.
   */
  readonly jobs?: number | undefined;
  /** Bytes of memory that a set in files is trained within; default 2 GB. The result does not depend on it. */
  readonly memory?: number | undefined;
  /** Cores and free memory; default: what this process may use. */
  readonly machine?: Machine | undefined;
  /** Train again what is there already, and replace what another configuration left. */
  readonly force?: boolean;
  /** Once aborted, the SAE in training is saved after its present run, and the grid ends. */
  readonly signal?: AbortSignal | undefined;
  /** Seconds between saved states of an SAE in training; default 30. */
  readonly snapshotSeconds?: number | undefined;
  /** What only a grid of a sweep has. */
  readonly sweep?: PartOfSweep | undefined;
  readonly onProgress?: (progress: GridProgress) => void;
  /** Called with what the user should know, one sentence each. */
  readonly onNote?: (text: string) => void;
}

/** A grid that is one of many, all of the same sweep. Its SAEs are sealed: one is finished when all its files have the digests they had. */
export interface PartOfSweep {
  /** The processes that all grids share. */
  readonly pool: TrainingPool;
  /** Sessions that all grids measure with. */
  readonly sessions: IdleSessions;
  /** Which configurations are trained here, by their place in `configs`; the others are another process's. */
  readonly only: (index: number) => boolean;
  /** Called once its trainings wait for a process, or none is left to train. */
  readonly begun: () => void;
  /** Called with the reason, with the name before it, for an SAE that cannot be trained; the others go on. */
  readonly failed: (why: string) => void;
}

/** News of one SAE of a grid, and where the whole grid is. */
export interface GridProgress {
  readonly name: string;
  /** In the middle of an epoch with a fraction. */
  readonly epochsDone: number;
  readonly epochs: number;
  readonly loss: number | null;
  readonly state: "training" | "finished" | "reused";
  /** SAEs finished or reused so far, this one included, of `count`. */
  readonly finished: number;
  readonly count: number;
  /** Share of the whole grid's work that is done, from 0 to 1. */
  readonly done: number;
  readonly row?: SaeRecord;
  /** Share of the training's time that it waited for rows; only of one that ends now. */
  readonly waited?: number;
}
