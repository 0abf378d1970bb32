import type { Values } from "../../graph/control.ts";

/** What a run gives as outputs of a training graph: every name with `_next`. */
export const stateOutputs = (after: Values): Values =>
  Object.fromEntries(Object.entries(after).map(([name, value]) => [`${name}_next`, value]));
