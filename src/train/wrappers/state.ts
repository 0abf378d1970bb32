import type { Values } from "../../graph/control.ts";
import * as op from "../../graph/ops.ts";
import type { TrainConfig } from "../../sae/config.ts";
import { stateShapes } from "../state.ts";
import type { StateValues } from "../steps/step.ts";

/** The canonical state as inputs of a training graph. */
export const stateInputs = (config: TrainConfig): StateValues =>
  Object.fromEntries(Object.entries(stateShapes(config)).map(([name, shape]) => [name, op.input("float32", shape)]));

/** The canonical state as outputs of a training graph: every name with `_next`. */
export const stateOutputs = (after: Values): Values =>
  Object.fromEntries(Object.entries(after).map(([name, value]) => [`${name}_next`, value]));
