import type { TrainConfig } from "../../config/config.ts";
import type { RowFiles } from "../../data/prefetch.node.ts";
import type { ProviderName } from "../../runtime/providers.node.ts";
import type { HostTensor } from "../../util/tensor.ts";
import type { TrainState } from "../state.ts";
import type { TrainProgress } from "../train.ts";
import type { FirstContact } from "./firstContact.ts";

/** What a training process is told. Activations come in pieces, as one message has a limit. */
export type ToChild =
  | { readonly type: "data"; readonly dims: readonly number[]; readonly targetDims: readonly number[] | undefined }
  | { readonly type: "piece"; readonly of: "activations" | "targets"; readonly at: number; readonly data: Float32Array }
  /** Rows to be read by windows; `ahead`: the next one while one is trained on. */
  | { readonly type: "files"; readonly files: RowFiles; readonly ahead: boolean }
  | {
      readonly type: "train";
      readonly config: TrainConfig;
      readonly provider: ProviderName;
      readonly from: TrainProgress | undefined;
      /** Parameters to start from; default: drawn from the seed. */
      readonly start: TrainState | undefined;
      readonly threads: number | undefined;
      readonly epochsPerRun: number | undefined;
      /** Send the whole state along every so many seconds, to be saved. */
      readonly snapshotSeconds: number;
    }
  | { readonly type: "stop" };

/** What it answers. A state comes tensor by tensor before the message it belongs to, so that never all of it is copied at a time. */
export type FromChild =
  /** In the middle of an epoch: `epochsDone` has a fraction. */
  | { readonly type: "pause"; readonly epochsDone: number }
  | { readonly type: "epoch"; readonly epochsDone: number; readonly loss: number }
  | { readonly type: "tensor"; readonly name: string; readonly tensor: HostTensor<"float32"> }
  | { readonly type: "snapshot"; readonly progress: Omit<TrainProgress, "state"> }
  | {
      readonly type: "done";
      readonly progress: Omit<TrainProgress, "state">;
      readonly seconds: number;
      /** Seconds of these spent waiting for rows. */
      readonly waited: number;
      readonly contact: FirstContact | undefined;
    }
  | { readonly type: "error"; readonly name: string; readonly message: string; readonly stack: string | undefined };
