import { note } from "./output.ts";

/**
 * A signal that the first Ctrl-C (or a request to end) aborts: the work then stops at the next place it can go on from.
 * A second one ends the process at once.
 */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    note("stopping after this epoch; press Ctrl-C again to stop at once");
    controller.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return controller.signal;
}
