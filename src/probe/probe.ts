import type { Column } from "../data/where.ts";
import type { Runtime } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { compared, type NamedModel } from "./compare.ts";
import { type ProbeFile, probeFile } from "./file.ts";
import { checkClasses, dealtFolds, givenFolds } from "./folds.ts";
import { groupsOf, targetOf } from "./label.ts";

/** What to probe for, in which rows. Columns have one value a row. */
export interface ProbeRun {
  /** `[rows, inputDim]` */
  readonly activations: HostTensor<"float32">;
  /** Whole numbers and texts of up to 20 values are classes, other numbers are numbers. */
  readonly label: Column;
  /** Rows of one value stay on one side; default: every row stands for itself. */
  readonly groups?: Column | undefined;
  /** How many folds, or the fold of each row; default 5. */
  readonly folds?: number | Column | undefined;
  /** Frozen autoencoders whose latents and reconstructions are compared; default: none. */
  readonly models?: readonly NamedModel[] | undefined;
  /** Of folds, shuffled labels and intervals; default 0. */
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  /** Hears what is about to be trained. */
  readonly onProbe?: ((what: string) => void) | undefined;
  /** What these are called, in messages and in what comes back. */
  readonly names?:
    | { readonly label: string; readonly groups?: string | undefined; readonly folds?: string; readonly source: string }
    | undefined;
}

/**
 * Trains probes for a label on raw activations and on what each model makes of them, cross-validated by groups: how much of what the activations
 * say of the label survives. A model that gives no reconstruction has latents only.
 * @throws {ConfigError} when a column has another length, a row no value, all rows one value, a group leaks, a fold lacks a class, or a model
 * does not fit.
 */
export async function probe(runtime: Runtime, run: ProbeRun): Promise<ProbeFile> {
  const { activations, models = [], seed = 0, threads, onProbe } = run;
  const names = { label: "label", groups: undefined, folds: "folds", source: "the rows", ...run.names };
  const rows = activations.dims[0]!;
  for (const what of ["label", "groups", "folds"] as const) {
    const column = run[what];
    if (typeof column === "object" && column.length !== rows)
      throw new ConfigError(`probe: ${what} has ${column.length} values for ${rows} rows; give one a row`);
  }
  const target = targetOf(run.label, names.label, names.source);
  const groups = run.groups
    ? groupsOf(run.groups, names.groups === undefined ? "groups" : `--groups ${names.groups}`, names.source)
    : Int32Array.from({ length: rows }, (_, row) => row);
  const by = run.groups ? (names.groups ?? "groups") : null;
  const { folds: wanted = 5 } = run;
  const folds =
    typeof wanted === "number"
      ? dealtFolds(groups, target, wanted, seed)
      : givenFolds(groupsOf(wanted, `--folds ${names.folds}`, names.source), groups, {
          ...{ folds: names.folds, groups: by ?? "rows" },
        });
  checkClasses(folds, target, names.label);
  const found = await compared(runtime, { activations, target, folds, groups, models, seed, threads, onProbe });
  return probeFile({ label: names.label, source: names.source, target, folds, groups, by, seed, rows: found });
}
