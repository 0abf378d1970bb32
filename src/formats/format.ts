import type { Checkpoint, Weights } from "../checkpoint/checkpoint.ts";
import type { Origin } from "../checkpoint/origin.ts";
import type { ArchitectureName } from "../sae/index.ts";
import type { Source } from "../sae/pretrained.ts";
import type { AnyOptionValues } from "../util/options.ts";

/** An SAE trained elsewhere, as this project computes and stores it: matrices are `[latentDim, inputDim]`. */
export interface Pretrained {
  readonly architecture: ArchitectureName;
  /** The format it came in: a preset of the architecture. */
  readonly source: Source;
  readonly options: AnyOptionValues;
  readonly tensors: Weights;
  /** A transcoder's: width of what it reconstructs. Default: an SAE. */
  readonly outputDim?: number | undefined;
  /** Whether it adds `W_skip x`; default no. */
  readonly skip?: boolean;
  readonly layer: number | null;
  readonly position: number | null;
  /** Where it comes from, as its files say; `null` where they do not. */
  readonly origin: Origin | null;
  /** What a reader of the result should know: settings that were read over, what was folded. A sentence each; default nothing. */
  readonly notes?: readonly string[];
}

/** A file or folder to import: its path and the bytes of its files by name (of the file itself: its own name). */
export interface SourceFiles {
  readonly path: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What SAELens multiplied its inputs by, where no file says it. */
  readonly normFactor?: number | undefined;
  /** What a list of releases says of where it comes from; its own files' word comes first. */
  readonly known?: Origin | null;
  /** Ways to the SAEs in it, of a folder that is none itself; default none. */
  readonly within?: readonly string[];
}

/** A format of SAEs. One file each, listed in index.ts. */
export interface Format {
  readonly describe: string;
  /** Names of the files it needs; a pattern for a file given by itself. */
  readonly needs: readonly (string | RegExp)[];
  /** Whether these files are of this format, where names do not tell; it may be asked of any. Default: they are. */
  readonly is?: (source: SourceFiles) => boolean;
  /** Names of files it reads where they are there; `../NAME` for one beside the folder. */
  readonly mayHave?: readonly string[];
  /** Whether it may need `normFactor`; default no. */
  readonly takesFactor?: true;
  /** @throws {ConfigError} for what is missing, contradicts itself, or cannot be computed here: by name. */
  readonly read: (source: SourceFiles) => Pretrained;
  /**
   * The files of an SAE in this format; `file` names the SAE in errors. Default: it is read only.
   * @throws {ConfigError} when the format has no words for what the SAE computes.
   */
  readonly write?: (checkpoint: Checkpoint, file: string) => Readonly<Record<string, Uint8Array | string>>;
}

/** A format that SAEs can be written in too. */
export type WrittenFormat = Format & Required<Pick<Format, "write">>;
