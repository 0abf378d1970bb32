/** What is started when it is first asked for and, once given up, started anew. All who ask meanwhile get the same one. */
export class Renewed<T extends { close(): void }> {
  #start: () => Promise<T>;
  #now: Promise<T> | undefined;

  constructor(start: () => Promise<T>) {
    this.#start = start;
  }

  /** The one there is; a start that failed is tried again by the next who asks. */
  get(): Promise<T> {
    if (this.#now) return this.#now;
    const started = this.#start();
    this.#now = started;
    started.catch(() => {
      if (this.#now === started) this.#now = undefined;
    });
    return started;
  }

  /** Ends the one there is, with all it holds. */
  async giveUp(): Promise<void> {
    const old = this.#now;
    this.#now = undefined;
    (await old?.catch(() => undefined))?.close();
  }
}
