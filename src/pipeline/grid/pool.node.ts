import { TrainingProcess } from "../../train/process/trainingProcess.node.ts";
import type { KeptRows } from "./keptRows.node.ts";

/** A training process, and the rows it was handed last. */
export interface Worker {
  readonly process: TrainingProcess;
  has: KeptRows["training"] | undefined;
}

/** Room for a process. */
interface Place {
  worker?: Worker;
}

/**
 * Training processes that take one SAE after another. Several grids may share them: what is asked first is trained first, so the last
 * SAEs of a grid run beside the first ones of the next.
 */
export class TrainingPool {
  readonly #places: Place[];
  readonly #free: Place[];
  readonly #waiting: ((place: Place) => void)[] = [];
  #handing = Promise.resolve();
  #spare: (() => void)[] = [];
  /** Works that gave their process back before they ended. */
  #behind = 0;
  #closed = false;

  /** Room for so many processes; each starts when it is first needed. */
  constructor(size: number) {
    this.#places = Array.from({ length: size }, () => ({}));
    this.#free = [...this.#places];
  }

  /**
   * Does `work` with the next process that is free. A process that died in it is replaced by a new one. `work` may give the process back
   * before it ends, so that the next training begins while it measures and writes; not more works than processes do so at a time.
   */
  async use<T>(work: (worker: Worker, giveBack: () => void) => Promise<T>): Promise<T> {
    if (this.#closed) return new Promise(() => {});
    const place = this.#free.pop() ?? (await new Promise<Place>((resolve) => this.#waiting.push(resolve)));
    if (!place.worker || place.worker.process.gone) place.worker = { process: new TrainingProcess(), has: undefined };
    const state = { behind: false };
    const giveBack = () => {
      if (state.behind || this.#behind >= this.#places.length) return;
      state.behind = true;
      this.#behind++;
      this.#release(place);
    };
    try {
      return await work(place.worker, giveBack);
    } finally {
      if (state.behind) this.#behind--;
      else this.#release(place);
    }
  }

  /** Hands a process the rows it is to train on, unless it has them. One after another: meanwhile this process holds a copy of them. */
  hand(worker: Worker, training: KeptRows["training"], how: { readonly ahead: boolean }): Promise<void> {
    if (worker.has === training) return Promise.resolve();
    const handed = this.#handing.then(async () => {
      await worker.process.hand(training, how);
      worker.has = training;
    });
    this.#handing = handed.catch(() => {});
    return handed;
  }

  /** Waits until a process is free and nobody waits for it. */
  async idle(): Promise<void> {
    if (this.#free.length === 0) await new Promise<void>((resolve) => this.#spare.push(resolve));
  }

  /** Ends all processes at once; who waits for one waits for ever. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    for (const { worker } of this.#places) worker?.process.close();
  }

  #release(place: Place): void {
    if (this.#closed) return;
    const next = this.#waiting.shift();
    if (next) next(place);
    else {
      this.#free.push(place);
      for (const resolve of this.#spare.splice(0)) resolve();
    }
  }
}
