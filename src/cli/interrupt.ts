import { note } from "./output.ts";

/**
 * Milliseconds within which a second signal is the first one again: npm and `timeout` pass on what the process has had already, and
 * a shell whose terminal is closed does so too.
 */
const sameOne = 1000;

/**
 * A signal that the first Ctrl-C aborts, or a request to end (SIGTERM), or a closed terminal (SIGHUP): the work then stops at the
 * next place it can go on from. A second one ends the process at once.
 */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  let stoppedAt = 0;
  const stop = () => {
    if (controller.signal.aborted) {
      if (performance.now() - stoppedAt > sameOne) process.exit(130);
      return;
    }
    stoppedAt = performance.now();
    note("stopping after this epoch; press Ctrl-C again to stop at once");
    controller.abort();
  };
  for (const one of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(one, stop);
  return controller.signal;
}
