import type { TrainConfig } from "../config/config.ts";
import type { DataInfo } from "../data/describe.ts";
import type { Evaluation, ResidentData } from "../evaluate/evaluate.ts";
import type { Active, LatentList, TextCodes } from "../features/atlas.ts";
import type { CodesAbout } from "../features/codesFile.ts";
import type { Example } from "../features/examples.ts";
import type { FeatureJson } from "../features/featureJson.ts";
import type { Found } from "../features/search.ts";
import type { SaeRecord } from "../record/record.ts";
import type { BrowserSettings } from "../runtime/browser.ts";
import type { EpochNews } from "../train/news.ts";
import type { TrainProgress } from "../train/train.ts";
import type { HostTensor } from "../util/tensor.ts";
import type { ArchitectureChoice, Plan, PlanRequest } from "./plan.ts";
import type { Recognised } from "./recognise.ts";
import type { Ending, Place, Push, Read } from "./textReader.ts";

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

/** An SAE that is looked into, and what its list shows. */
export interface OpenedSae {
  readonly id: number;
  readonly latentDim: number;
  readonly rows: number;
  /** How many texts the rows are of; `null` where that is not known. */
  readonly texts: number | null;
  readonly labelled: boolean;
  readonly list: LatentList;
}

/** A text that is read through an SAE at a place of the open language model. */
export interface TextAt {
  readonly sae: ModelFile;
  readonly at: string;
  readonly text: string;
}

/** How far a piece of work is. */
export interface Done {
  readonly done: number;
  readonly of: number;
}

/** What an SAE makes of a row that is given as numbers. */
export interface NumbersCode {
  readonly active: readonly Active[];
  /** Mean of (x - xHat)^2 over the dimensions; `NaN` where the model gives no reconstruction. */
  readonly error: number;
}

/** Where a training goes on from, and what it is called while it is kept. */
export interface TrainTakes {
  readonly data: number;
  readonly config: TrainConfig;
  readonly from?: TrainProgress | undefined;
  /** Its state is told along about every so many seconds. Default: never. */
  readonly keepSeconds?: number | undefined;
  /** About how long a run may take, after which a stop is heard. */
  readonly secondsPerRun?: number | undefined;
}

/** What a training tells: an epoch's end, or that it goes on. */
export type TrainNews = EpochNews & { readonly progress?: TrainProgress | undefined };

/** A finished or stopped training, and what it was trained on. */
export interface TrainedState {
  readonly config: TrainConfig;
  readonly progress: TrainProgress;
  readonly digest: string;
  readonly layer: number | null;
  readonly position: number | null;
  readonly metrics: SaeRecord["metrics"];
}

/** Every request: what it takes, what it gives, and what it tells meanwhile. */
export interface Calls {
  open: { takes: BrowserSettings; gives: { readonly provider: string; readonly threads: number } };
  /** What a file is, by its content. */
  recognise: { takes: { readonly name: string; readonly file: Blob | Uint8Array }; gives: Recognised };
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
  evaluate: {
    takes: { readonly data: number; readonly model: ModelFile };
    gives: { readonly evaluation: Evaluation; readonly row: SaeRecord };
  };
  /** Runs a frozen encoder or autoencoder over all rows, to be asked about afterwards. */
  explore: {
    takes: {
      readonly data: number;
      readonly model: ModelFile;
      /** The tokenizer.json of the activations' model, to mark rows in their texts by. */
      readonly tokenizer?: ModelFile | undefined;
    };
    gives: OpenedSae;
    tells: Done;
  };
  /** The same with what was computed beforehand. */
  exploreCodes: { takes: ModelFile; gives: OpenedSae & { readonly about: CodesAbout } };
  /** From now on `latent` also says which tokens it promotes, by an unembedding or a latents.jsonl of `sae-onnx features`. */
  unembed: {
    takes: { readonly explorer: number; readonly file: ModelFile; readonly tokenizer?: ModelFile | undefined };
    gives: undefined;
  };
  latent: { takes: { readonly explorer: number; readonly latent: number }; gives: FeatureJson };
  /** Of each latent its strongest row in a few words. */
  snippets: {
    takes: { readonly explorer: number; readonly latents: readonly number[] };
    gives: readonly (Example | null)[];
  };
  /** Latents that fire in texts with all these words, the most specific first. */
  search: { takes: { readonly explorer: number; readonly words: string }; gives: readonly Found[] };
  row: {
    takes: { readonly explorer: number; readonly row: number };
    gives: TextCodes & { readonly error: number | null };
  };
  encodeRow: { takes: { readonly explorer: number; readonly x: Float32Array }; gives: NumbersCode };
  loadEncoder: { takes: ModelFile; gives: { readonly id: number; readonly inputDim: number } };
  encode: {
    takes: { readonly encoder: number; readonly activations: HostTensor<"float32"> };
    gives: Readonly<Record<string, HostTensor>>;
  };
  close: { takes: { readonly encoder?: number; readonly explorer?: number }; gives: undefined };
  /** What can be trained, with its options. */
  choices: { takes: undefined; gives: readonly ArchitectureChoice[] };
  /** What a training would take, before it starts. */
  plan: { takes: PlanRequest; gives: Plan };
  /** Trains on the training rows of some activations, telling of each epoch; `stop` ends it after the epoch it is in. */
  train: { takes: TrainTakes; gives: TrainProgress & { readonly seconds: number }; tells: TrainNews };
  stop: { takes: undefined; gives: undefined };
  /** The files of an SAE that was trained, or is halfway: `encoder.onnx`, `autoencoder.onnx`, `safetensors`. */
  files: {
    takes: TrainedState & { readonly name: string };
    gives: { readonly encoder: Uint8Array; readonly autoencoder: Uint8Array; readonly checkpoint: Uint8Array };
  };
  /** Opens a language model with its tokenizer, to read texts with; one at a time. */
  openTexts: {
    takes: { readonly model: ModelFile; readonly tokenizer: ModelFile };
    gives: { readonly places: readonly Place[]; readonly ending: Ending | null };
  };
  /** Activations of every token of some texts, as a .safetensors file and its labels. */
  harvest: {
    takes: { readonly at: string; readonly texts: readonly string[] };
    gives: { readonly file: Uint8Array; readonly labels: string };
    tells: Done;
  };
  /** Latents of each token of a text, and with texts to compare with those it is most like; a latent pushed where that is asked for. */
  readText: {
    takes: TextAt & { readonly push?: Push | undefined; readonly compare?: readonly string[] | undefined };
    gives: Read;
    tells: Done;
  };
  /** A text gone on with, token after token, a latent pushed where that is asked for. */
  generate: {
    takes: TextAt & { readonly count: number; readonly push?: Push | undefined };
    gives: string;
    tells: { readonly text: string };
  };
  /** A checkpoint that was kept. */
  checkpoint: { takes: ModelFile; gives: Omit<TrainedState, "metrics"> };
}

export type CallName = keyof Calls;

/** What a worker is told. */
export type ToWorker = {
  [N in CallName]: { readonly id: number; readonly call: N; readonly takes: Calls[N]["takes"] };
}[CallName];

/** What a request tells of while it works. */
export type Tells<N extends CallName> = Calls[N] extends { readonly tells: infer T } ? T : never;

/** An error without its class; a training's has where it was at the end of its last run. */
export interface WorkerError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly progress?: TrainProgress | undefined;
}

/** How much of ONNX Runtime's .wasm file is there, in bytes. */
export interface Loading {
  readonly done: number;
  /** 0 where its size is not said. */
  readonly of: number;
}

/** What it answers: news while it works, then a result or an error. */
export type FromWorker =
  | { readonly loading: Loading }
  | { readonly id: number; readonly news: unknown }
  | { readonly id: number; readonly gives: unknown }
  | { readonly id: number; readonly error: WorkerError };
