import { buildGraph } from "./buildGraph.ts";
import { evalCommand } from "./eval.ts";
import { exportCommand } from "./export.ts";
import { inspect } from "./inspect.ts";
import { report } from "./report.ts";
import { train } from "./train.ts";

/** Every verb, in the order of the work. */
export const commands = [buildGraph, train, exportCommand, evalCommand, report, inspect];
