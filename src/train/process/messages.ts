import type { TrainConfig } from "../../config/config.ts";
import type { RowFiles } from "../../data/prefetch.node.ts";
import type { ProviderName } from "../../runtime/providers.node.ts";
import type { HostTensor } from "../../util/tensor.ts";
import type { TrainState } from "../state.ts";
import type { TrainProgress } from "../train.ts";
import type { FirstContact } from "./firstContact.ts";

/** Messages to the training process. Activations come in pieces, because a message has a size limit. */
export type ToChild =
  | { readonly type: "data"; readonly dims: readonly number[]; readonly targetDims: readonly number[] | undefined }
  | { readonly type: "piece"; readonly of: "activations" | "targets"; readonly at: number; readonly data: Float32Array }
  /** Files to read rows from, in windows. With `ahead` the next window is read while one is trained on. */
  | {
      readonly type: "files";
      readonly files: RowFiles;
      /** A transcoder's, by the same rows. */
      readonly targets: RowFiles | undefined;
      readonly ahead: boolean;
    }
  | {
      readonly type: "train";
      readonly config: TrainConfig;
      readonly provider: ProviderName;
      readonly from: TrainProgress | undefined;
      /** Parameters to start from. Default: drawn from the seed. */
      readonly start: TrainState | undefined;
      readonly threads: number | undefined;
      readonly epochsPerRun: number | undefined;
      /** Seconds between snapshots of the whole state. */
      readonly snapshotSeconds: number;
    }
  | { readonly type: "stop" };

/**
 * Messages from the training process. A state comes tensor by tensor, before the message that it belongs to.
 * So the whole state is never copied at once.
 */
export type FromChild =
  /** A run ended within an epoch. `epochsDone` has a fraction. */
  | { readonly type: "pause"; readonly epochsDone: number }
  | { readonly type: "epoch"; readonly epochsDone: number; readonly loss: number }
  | { readonly type: "tensor"; readonly name: string; readonly tensor: HostTensor<"float32"> }
  | { readonly type: "snapshot"; readonly progress: Omit<TrainProgress, "state"> }
  | {
      readonly type: "done";
      readonly progress: Omit<TrainProgress, "state">;
      readonly seconds: number;
      /** How many of these seconds were spent waiting for rows. */
      readonly waited: number;
      readonly contact: FirstContact | undefined;
    }
  | { readonly type: "error"; readonly name: string; readonly message: string; readonly stack: string | undefined };
