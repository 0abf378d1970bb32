import { type ChildProcess, fork } from "node:child_process";
import type { TrainConfig } from "../../config/config.ts";
import type { RowFiles } from "../../data/prefetch.node.ts";
import type { ProviderName } from "../../runtime/providers.node.ts";
import { ConfigError, RuntimeFailure } from "../../util/errors.ts";
import type { HostTensor } from "../../util/tensor.ts";
import { type Rows, residentOf } from "../rows.ts";
import type { TrainState } from "../state.ts";
import type { TrainProgress } from "../train.ts";
import type { FirstContact } from "./firstContact.ts";
import type { FromChild, ToChild } from "./messages.ts";

/** The file that the process runs. It is built JavaScript, even when this file is run from source. */
const childFile = import.meta.url.endsWith(".ts")
  ? new URL("../../../dist/train/process/child.node.js", import.meta.url)
  : new URL("./child.node.js", import.meta.url);

/** The most elements of activations in a message. */
const piece = 2 ** 24;

export interface TrainingRun {
  readonly config: TrainConfig;
  readonly provider: ProviderName;
  readonly from?: TrainProgress | undefined;
  /** Parameters to start from. Default: drawn from the seed. */
  readonly start?: TrainState | undefined;
  readonly threads?: number | undefined;
  /** Epochs a run. Default: the one of `train`. */
  readonly epochsPerRun?: number | undefined;
  /** When it is aborted, the training ends after the epoch it is in. */
  readonly signal?: AbortSignal | undefined;
  /** Called every few seconds. `epochsDone` has a fraction within an epoch. The loss is that of the last whole epoch. */
  readonly onEpoch?: (epochsDone: number, loss: number | null) => void;
  /** Called with the whole state between runs, also within an epoch, about every `snapshotSeconds` (default 30). */
  readonly onSnapshot?: (progress: TrainProgress) => Promise<void>;
  readonly snapshotSeconds?: number | undefined;
}

/** Rows in files, and a transcoder's targets in others. */
export interface FilesToTrain extends RowFiles {
  readonly targets?: RowFiles | undefined;
}

/** The training process is no more: killed by someone, or by the system for its memory. What was saved of its training is there. */
export class ProcessDied extends RuntimeFailure {}

/** A process that trains one SAE after another on the same activations. */
export class TrainingProcess {
  #child: ChildProcess;

  /** Whether a message could not be sent to it. */
  #unheard = false;

  /** Starts the process. */
  constructor() {
    this.#child = fork(childFile, {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: [...process.execArgv, "--expose-gc"],
    });
    // A process that cannot be started or spoken to is heard of by what was asked of it.
    this.#child.on("error", () => {});
  }

  /** Hands it the training rows, or the files it is to read them from. @throws {RuntimeFailure} when the process is gone. */
  async hand(given: Rows | FilesToTrain, { ahead = true }: { readonly ahead?: boolean } = {}): Promise<void> {
    if ("shards" in given) {
      const { targets, ...files } = given;
      await this.#send({ type: "files", files, targets, ahead });
      return;
    }
    const rows = residentOf(given);
    await this.#send({ type: "data", dims: rows.activations.dims, targetDims: rows.targets?.dims });
    for (const of of ["activations", "targets"] as const) {
      const { data } = rows[of] ?? { data: new Float32Array() };
      for (let at = 0; at < data.length; at += piece)
        await this.#send({ type: "piece", of, at, data: data.slice(at, at + piece) });
    }
  }

  /**
   * Trains one SAE. Gives its progress, the seconds it took, and how many of them it `waited` for rows.
   * @throws {RuntimeFailure} when the process dies.
   */
  train({
    config,
    provider,
    from,
    start,
    threads,
    epochsPerRun,
    signal,
    onEpoch,
    onSnapshot,
    snapshotSeconds = 30,
  }: TrainingRun): Promise<TrainProgress & { seconds: number; waited: number; contact: FirstContact | undefined }> {
    return new Promise((resolve, reject) => {
      const child = this.#child;
      let saving = Promise.resolve();
      let loss = from?.loss.at(-1) ?? null;
      let arriving: Record<string, HostTensor<"float32">> = {};
      const withState = (progress: Omit<TrainProgress, "state">): TrainProgress => {
        const whole = { ...progress, state: arriving };
        arriving = {};
        return whole;
      };
      // Sending fails when the process is gone. Its exit has then been noticed already.
      const stop = () => void this.#send({ type: "stop" }).catch(() => {});
      const end = (settle: () => void) => {
        signal?.removeEventListener("abort", stop);
        child.off("message", receive);
        child.off("exit", died);
        void saving.then(settle, reject);
      };
      const died = (code: number | null, killed: string | null) =>
        end(() =>
          reject(
            new ProcessDied(
              `the training process ended early (${killed ?? `exit code ${code}`}); was there too little memory?`,
            ),
          ),
        );
      const receive = (message: FromChild) => {
        if (message.type === "epoch") loss = message.loss;
        if (message.type === "epoch" || message.type === "pause") onEpoch?.(message.epochsDone, loss);
        else if (message.type === "tensor") arriving[message.name] = message.tensor;
        else if (message.type === "snapshot") {
          const progress = withState(message.progress);
          saving = saving.then(() => onSnapshot?.(progress));
          // What cannot be saved, as on a full disk, ends the training here.
          saving.catch((error: Error) => end(() => reject(error)));
        } else if (message.type === "done") {
          const { progress, seconds, waited, contact } = message;
          const whole = { ...withState(progress), seconds, waited, contact };
          end(() => resolve(whole));
        } else end(() => reject(revive(message)));
      };
      child.on("message", receive);
      child.on("exit", died);
      if (signal?.aborted) stop();
      signal?.addEventListener("abort", stop);
      this.#send({ type: "train", config, provider, from, start, threads, epochsPerRun, snapshotSeconds }).catch(
        (error: Error) => end(() => reject(error)),
      );
    });
  }

  /** Whether the process has ended. */
  get gone(): boolean {
    return this.#unheard || this.#child.exitCode !== null || this.#child.signalCode !== null || !this.#child.connected;
  }

  /** Ends the process at once, even within a run; a training that is waited for fails. */
  close(): void {
    // Of a process that could not be started there is no number, and Node would take it for this one's group.
    if (this.#child.pid !== undefined) this.#child.kill("SIGKILL");
  }

  #send(message: ToChild): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.send(message, (error) => {
        if (!error) return resolve();
        // Its exit may be heard of later. Until then nobody else is to be given it.
        this.#unheard = true;
        reject(new ProcessDied("the training process is gone", { cause: error }));
      });
    });
  }
}

/** Gives an error its class back, which it lost between the processes. */
function revive({ name, message, stack }: Extract<FromChild, { type: "error" }>): Error {
  const error = name === "ConfigError" ? new ConfigError(message) : new RuntimeFailure(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
