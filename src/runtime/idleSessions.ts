import type { Session } from "./session.ts";

/** The most sessions that wait to be used again. */
const most = 16;

/**
 * Sessions that are kept after their release, for whoever needs one of the same graph: building a graph and opening a session on it
 * takes some ten milliseconds, which counts where thousands of small SAEs are trained. A kept session holds the memory of its largest
 * run, so only small ones belong here. Of more than 16 that wait, the one that waited longest is let go.
 */
export class IdleSessions {
  readonly #idle: { readonly key: string; readonly session: Session }[] = [];

  /** A session that waits under `key`, else a new one by `open`. Its `release` lets it wait again. Sessions that carry a state do not fit. */
  async take(key: string, open: () => Promise<Session>): Promise<Session> {
    const at = this.#idle.findIndex((one) => one.key === key);
    const session = at < 0 ? await open() : this.#idle.splice(at, 1)[0]!.session;
    return {
      ...session,
      release: async () => {
        this.#idle.push({ key, session });
        if (this.#idle.length > most) await this.#idle.shift()!.session.release();
      },
    };
  }
}
