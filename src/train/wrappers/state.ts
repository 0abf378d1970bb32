import type { Values } from "../../graph/control.ts";

/** The state after a run, as outputs of a training graph. Each name gets `_next`. */
export const stateOutputs = (after: Values): Values =>
  Object.fromEntries(Object.entries(after).map(([name, value]) => [`${name}_next`, value]));
