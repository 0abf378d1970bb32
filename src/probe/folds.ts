import { ConfigError } from "../util/errors.ts";
import { permutation, random } from "../util/random.ts";
import type { Target } from "./label.ts";

/** Which fold each row is tested in. */
export interface Folds {
  readonly count: number;
  /** `[rows]`, from 0 to count - 1. */
  readonly of: Int32Array;
}

/**
 * Deals groups out to folds, whole, so that all have about as many rows and about the same share of each class: large groups first, each
 * to the fold that is left most even. Groups of one size come in an order that the seed decides.
 * @throws {ConfigError} when there are fewer than 3 folds or fewer groups than folds.
 */
export function dealtFolds(groups: Int32Array, target: Target, count: number, seed: number): Folds {
  if (!Number.isInteger(count) || count < 3)
    throw new ConfigError(
      `--folds must be an integer of at least 3 (one to test on, one to choose the penalty on, the rest to train on), got ${count}`,
    );
  const number = groups.reduce((most, one) => Math.max(most, one), -1) + 1;
  if (number < count)
    throw new ConfigError(
      `--folds ${count}: there are ${number} groups of rows, each fold needs one at least; ask for fewer folds`,
    );
  const classes = target.kind === "classes" ? target.classes.length : 0;
  // What is to be dealt evenly: rows, then the rows of each class.
  const kinds = 1 + classes;
  const sizes = new Float64Array(number * kinds);
  groups.forEach((group, row) => {
    sizes[group * kinds]!++;
    if (target.kind === "classes") sizes[group * kinds + 1 + target.of[row]!]!++;
  });
  const totals = Array.from({ length: kinds }, (_, kind) => {
    let sum = 0;
    for (let group = 0; group < number; group++) sum += sizes[group * kinds + kind]!;
    return sum;
  });
  const order = [...permutation(number, random(seed, "folds of probes"))].sort(
    (a, b) => sizes[b * kinds]! - sizes[a * kinds]!,
  );
  const filled = new Float64Array(count * kinds);
  const foldOf = new Int32Array(number);
  for (const group of order) {
    // The sum of squares over folds grows by 2 filled + size, times size: least where what the group has is scarce.
    const grown = Array.from({ length: count }, (_, fold) =>
      totals.reduce((sum, total, kind) => {
        const size = sizes[group * kinds + kind]!;
        return sum + (size * (2 * filled[fold * kinds + kind]! + size)) / total ** 2;
      }, 0),
    );
    const fold = grown.indexOf(Math.min(...grown));
    foldOf[group] = fold;
    for (let kind = 0; kind < kinds; kind++) filled[fold * kinds + kind]! += sizes[group * kinds + kind]!;
  }
  return { count, of: groups.map((group) => foldOf[group]!) };
}

/**
 * Folds as a column gives them, numbered from 0.
 * @throws {ConfigError} when there are fewer than 3, or a group has rows in two.
 */
export function givenFolds(of: Int32Array, groups: Int32Array, names: { folds: string; groups: string }): Folds {
  const count = of.reduce((most, one) => Math.max(most, one), -1) + 1;
  if (count < 3)
    throw new ConfigError(`--folds ${names.folds}: the column has ${count} values, at least 3 folds are needed`);
  const first = new Map<number, number>();
  const leaks = new Map<number, number>();
  groups.forEach((group, row) => {
    const known = first.get(group);
    if (known === undefined) first.set(group, row);
    else if (of[known] !== of[row] && !leaks.has(group)) leaks.set(group, row);
  });
  const [leak] = leaks;
  if (leak)
    throw new ConfigError(
      `--folds ${names.folds}: ${leaks.size} groups of ${names.groups} leak: rows ${first.get(leak[0])} and ${leak[1]} are of one group and in two folds; give each group one fold, or leave the folds to --folds 5`,
    );
  return { count, of };
}

/** @throws {ConfigError} when a class is missing in a fold, or makes up one alone: nothing could be ranked there. */
export function checkClasses({ count, of }: Folds, target: Target, label: string): void {
  if (target.kind === "number") return;
  const rows = new Float64Array(count);
  for (const fold of of) rows[fold]!++;
  const total = (one: number) => target.of.reduce((sum, value) => sum + Number(value === one), 0);
  // The rarest first: it is the one to speak of.
  for (const one of [...target.classes.keys()].sort((a, b) => total(a) - total(b))) {
    const own = new Float64Array(count);
    target.of.forEach((value, row) => {
      if (value === one) own[of[row]!]!++;
    });
    const bad = own.findIndex((number, fold) => number === 0 || number === rows[fold]);
    if (bad < 0) continue;
    throw new ConfigError(
      `--label ${label}: fold ${bad} has ${own[bad]} of ${rows[bad]} rows with ${JSON.stringify(target.classes[one])} (${total(one)} in all); every fold needs rows with and without: ask for fewer --folds, or leave it out with --where`,
    );
  }
}
