import { setTimeout as sleep } from "node:timers/promises";
import { TrainingProcess } from "../../train/process/trainingProcess.node.ts";
import type { KeptRows } from "./keptRows.node.ts";

/** A training process, and the rows it was handed last. */
export interface Worker {
  readonly process: TrainingProcess;
  has: KeptRows["training"] | undefined;
}

/** What a work says of the process it has. */
export interface Hold {
  /** Its training is under way. */
  readonly begun: () => void;
  /** It needs the process no longer. */
  readonly giveBack: () => Promise<void>;
}

/** Room for a process. */
interface Place {
  worker?: Worker;
  /** Called when it trains again. */
  again?: () => void;
}

/** Milliseconds that a work which gave its process back waits for it to train again. */
const patience = 1000;

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
   * Measuring blocks this thread, so `giveBack` waits for the next training to begin, which says so by `begun`.
   */
  async use<T>(work: (worker: Worker, hold: Hold) => Promise<T>): Promise<T> {
    if (this.#closed) return new Promise(() => {});
    const place = this.#free.pop() ?? (await new Promise<Place>((resolve) => this.#waiting.push(resolve)));
    if (!place.worker || place.worker.process.gone) place.worker = { process: new TrainingProcess(), has: undefined };
    const state = { behind: false };
    const giveBack = async () => {
      if (state.behind || this.#behind >= this.#places.length) return;
      state.behind = true;
      this.#behind++;
      const isWanted = this.#waiting.length > 0;
      const again = new Promise<void>((resolve) => {
        place.again = resolve;
      });
      this.#release(place);
      if (isWanted) await Promise.race([again, sleep(patience, undefined, { ref: false })]);
    };
    try {
      return await work(place.worker, { giveBack, begun: () => place.again?.() });
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
