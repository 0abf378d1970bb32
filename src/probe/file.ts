import type { ProbeRow } from "./compare.ts";
import { strengths } from "./cross.ts";
import type { Folds } from "./folds.ts";
import type { Target } from "./label.ts";

/** What `sae-onnx probe` writes: what was asked, of what rows, and what the probes found. */
export interface ProbeFile {
  readonly version: 1;
  readonly label: {
    readonly name: string;
    readonly kind: "binary" | "classes" | "number";
    /** Rows of each class, by its value, ascending; of two the second is what is found. */
    readonly classes?: Readonly<Record<string, number>>;
  };
  readonly data: {
    readonly source: string;
    readonly rows: number;
    /** What groups are made by; `null`: every row is one. */
    readonly groups_by: string | null;
    readonly groups: number;
    readonly folds: readonly number[];
  };
  readonly seed: number;
  /** The strengths that were tried. */
  readonly strengths: readonly number[];
  readonly rows: readonly ProbeRow[];
}

/** The results as they are written. */
export function probeFile({
  label,
  source,
  target,
  folds,
  groups,
  by,
  seed,
  rows,
}: {
  readonly label: string;
  readonly source: string;
  readonly target: Target;
  readonly folds: Folds;
  readonly groups: Int32Array;
  readonly by: string | null;
  readonly seed: number;
  readonly rows: readonly ProbeRow[];
}): ProbeFile {
  const count = (values: Int32Array, wanted: number) => values.reduce((sum, one) => sum + Number(one === wanted), 0);
  const kind = target.kind === "number" ? "number" : target.classes.length === 2 ? "binary" : "classes";
  return {
    version: 1,
    label: {
      ...{ name: label, kind },
      ...(target.kind === "classes"
        ? { classes: Object.fromEntries(target.classes.map((name, i) => [name, count(target.of, i)])) }
        : {}),
    },
    data: {
      ...{ source, rows: groups.length, groups_by: by, groups: new Set(groups).size },
      folds: Array.from({ length: folds.count }, (_, fold) => count(folds.of, fold)),
    },
    ...{ seed, strengths, rows },
  };
}
