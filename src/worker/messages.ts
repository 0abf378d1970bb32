import type { TrainConfig } from "../config/config.ts";
import type { DataInfo } from "../data/describe.ts";
import type { Label } from "../data/labels.ts";
import type { Evaluation, ResidentData } from "../evaluate/evaluate.ts";
import type { LatentProfile, LatentTable, RowCode } from "../evaluate/explore.ts";
import type { Found } from "../evaluate/search.ts";
import type { SaeRecord } from "../record/record.ts";
import type { BrowserSettings } from "../runtime/browser.ts";
import type { EpochNews } from "../train/news.ts";
import type { TrainProgress } from "../train/train.ts";
import type { HostTensor } from "../util/tensor.ts";

/** Activations a worker holds, by number, and what is known about them. */
export interface DataSummary {
  readonly id: number;
  readonly rows: number;
  readonly inputDim: number;
  readonly info: DataInfo;
  readonly layer: number | null;
  readonly position: number | null;
  /** Whether there is a label for each row. */
  readonly labelled: boolean;
}

/** A model's file: its bytes, and its name in messages. */
export interface ModelFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Every request: what it takes, and what it gives. */
export interface Calls {
  open: { takes: BrowserSettings; gives: { readonly provider: string; readonly threads: number } };
  /** Reads an activation file; `labels` is the text of a .labels.jsonl. */
  read: {
    takes: {
      readonly name: string;
      readonly file: Blob | Uint8Array;
      readonly labels?: { readonly name: string; readonly text: string } | undefined;
      readonly trainRows?: number | undefined;
    };
    gives: DataSummary;
  };
  /** Keeps activations that are in memory already. */
  keep: { takes: ResidentData; gives: { readonly id: number } };
  drop: { takes: { readonly data: number }; gives: undefined };
  labels: { takes: { readonly data: number; readonly rows: readonly number[] }; gives: readonly (Label | null)[] };
  evaluate: {
    takes: { readonly data: number; readonly model: ModelFile };
    gives: { readonly evaluation: Evaluation; readonly row: SaeRecord };
  };
  explore: {
    takes: { readonly data: number; readonly model: ModelFile };
    gives: { readonly id: number; readonly latentDim: number; readonly rows: number; readonly table: LatentTable };
  };
  /** Latents whose strongest rows have texts with all these words. */
  search: {
    takes: { readonly explorer: number; readonly data: number; readonly words: string };
    gives: readonly Found[];
  };
  latent: { takes: { readonly explorer: number; readonly latent: number }; gives: LatentProfile };
  row: { takes: { readonly explorer: number; readonly row: number }; gives: RowCode };
  encodeRow: { takes: { readonly explorer: number; readonly x: Float32Array }; gives: RowCode };
  loadEncoder: { takes: ModelFile; gives: { readonly id: number; readonly inputDim: number } };
  encode: {
    takes: { readonly encoder: number; readonly activations: HostTensor<"float32"> };
    gives: Readonly<Record<string, HostTensor>>;
  };
  close: { takes: { readonly encoder?: number; readonly explorer?: number }; gives: undefined };
  /** Trains on the training rows of some activations, telling of each epoch; `stop` ends it after the epoch it is in. */
  train: {
    takes: { readonly data: number; readonly config: TrainConfig; readonly from?: TrainProgress | undefined };
    gives: TrainProgress & { readonly seconds: number };
  };
  stop: { takes: undefined; gives: undefined };
}

export type CallName = keyof Calls;

/** What a worker is told. */
export type ToWorker = {
  [N in CallName]: { readonly id: number; readonly call: N; readonly takes: Calls[N]["takes"] };
}[CallName];

/** An error without its class; a training's has where it was at the end of its last run. */
export interface WorkerError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly progress?: TrainProgress | undefined;
}

/** What it answers: news while it works, then a result or an error. */
export type FromWorker =
  | { readonly id: number; readonly news: EpochNews }
  | { readonly id: number; readonly gives: unknown }
  | { readonly id: number; readonly error: WorkerError };
