import type { Runtime } from "../runtime/session.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import { Fitter, flat, type Problem } from "./fit.ts";
import type { Folds } from "./folds.ts";
import type { LossName } from "./losses.ts";
import { type Moments, momentsOf, scaling, standardised, strongest, targetMoments } from "./moments.ts";

/** Strengths of the penalty that are tried, strongest first: the mean loss gets strength / 2 |w|^2 of standardised features. */
export const strengths: readonly number[] = [1, 0.1, 0.01, 0.001, 0.0001];

/** What is cross-validated. */
export interface CrossValidation {
  readonly runtime: Runtime;
  readonly threads?: number | undefined;
  readonly loss: LossName;
  /** Features, `[rows, dims]`. */
  readonly x: HostTensor<"float32">;
  /** What is to be found, one probe each; `[rows]`. */
  readonly targets: readonly Float32Array[];
  /** The same with rows out of order: trained with the strengths found for `targets`. */
  readonly shuffled: readonly Float32Array[];
  readonly folds: Folds;
  /** Train on so many features only, those that tell most in the training rows; default: all. */
  readonly best?: number | undefined;
}

/** What probes said of rows they were not trained on. */
export interface OutOfFold {
  /** By target; `[rows]`. */
  readonly scores: readonly Float32Array[];
  readonly shuffledScores: readonly Float32Array[];
  /** By fold, the strength that was best on the folds left to train on. */
  readonly strengths: readonly number[];
  /** By target and fold, the features used, where only the best are; strongest first. */
  readonly chosen?: readonly (readonly (readonly number[])[])[];
  /** Probes that did not come to their optimum. */
  readonly unfinished: number;
}

/**
 * Scores of every row from probes trained on the other folds. Inside, each strength is tried on the same folds: for the test fold f, train
 * without f and g, try on g, for every g. A pair of folds is left out once and serves both ways. Nothing of a test fold takes part in what it is
 * tested with: not in means and deviations, not in the choice of features, not in that of the strength.
 */
export async function crossValidate(given: CrossValidation): Promise<OutOfFold> {
  const { runtime, threads, loss, targets, shuffled, folds, best } = given;
  const whole = standardised(given.x);
  const all = momentsOf(whole, folds);
  const outer = Array.from({ length: folds.count }, (_, f) => [f]);
  const pairs = outer.flatMap(([f]) => outer.slice(f! + 1).map(([g]) => [f!, g!]));
  const remaining = (out: readonly number[]) => outer.map(([f]) => f!).filter((f) => !out.includes(f));
  const key = (out: readonly number[], target: number) => `${out.join()}/${target}`;

  const everyTarget = [...targets, ...shuffled];
  const chosen = new Map<string, readonly number[]>();
  if (best !== undefined)
    everyTarget.forEach((y, target) => {
      const own = targetMoments(whole, y, folds);
      for (const out of target < targets.length ? [...outer, ...pairs] : outer)
        chosen.set(key(out, target), strongest(all, own, remaining(out), best));
    });
  const used = best === undefined ? undefined : [...new Set([...chosen.values()].flat())].sort((a, b) => a - b);
  const x = used ? takeColumns(whole, used) : whole;
  const moments = used ? momentsOf(x, folds) : all;
  const place = new Map(used?.map((feature, i) => [feature, i]));

  const problem = (out: readonly number[], target: number, lambda: number): Problem => {
    const on = remaining(out);
    const { mean, scale } = scaling(moments, on);
    const wanted = used && new Set(chosen.get(key(out, target))!.map((feature) => place.get(feature)));
    return {
      y: everyTarget[target]!,
      weight: weightOf(on, moments, folds),
      ...{ mean, lambda, scale: wanted ? scale.map((one, j) => (wanted.has(j) ? one : 0)) : scale },
    };
  };

  const fitter = await Fitter.open(runtime, loss, x, threads);
  let unfinished = 0;
  const solve = async (problems: readonly Problem[]) => {
    const found = await fitter.fit(problems);
    unfinished += found.filter(({ slope }) => !(slope <= flat)).length;
    return found;
  };
  try {
    const lost = Array.from({ length: folds.count }, () => new Float64Array(strengths.length));
    for (const [target, y] of targets.entries()) {
      const tried = await solve(pairs.flatMap((out) => strengths.map((lambda) => problem(out, target, lambda))));
      pairs.forEach(([f, g], pair) => {
        for (const i of strengths.keys()) {
          const { scores } = tried[pair * strengths.length + i]!;
          lost[f!]![i]! += meanLoss(loss, scores, y, folds, g!);
          lost[g!]![i]! += meanLoss(loss, scores, y, folds, f!);
        }
      });
    }
    const found = lost.map((each) => strengths[each.indexOf(Math.min(...each))]!);
    const scores: Float32Array[] = [];
    for (const target of everyTarget.keys()) {
      const fitted = await solve(outer.map((out) => problem(out, target, found[out[0]!]!)));
      scores.push(Float32Array.from(folds.of, (fold, row) => fitted[fold]!.scores[row]!));
    }
    return {
      ...{ scores: scores.slice(0, targets.length), shuffledScores: scores.slice(targets.length) },
      ...{ strengths: found, unfinished },
      ...(used ? { chosen: targets.map((_, target) => outer.map((out) => chosen.get(key(out, target))!)) } : {}),
    };
  } finally {
    await fitter.release();
  }
}

/** Some columns of a matrix. */
function takeColumns({ dims, data }: HostTensor<"float32">, which: readonly number[]): HostTensor<"float32"> {
  const [rows, width] = dims as [number, number];
  const found = new Float32Array(rows * which.length);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < which.length; i++) found[row * which.length + i] = data[row * width + which[i]!]!;
  return tensor("float32", [rows, which.length], found);
}

/** 1 / count for the rows of some folds, 0 for the others. */
function weightOf(on: readonly number[], { counts }: Moments, { of }: Folds): Float32Array {
  const count = on.reduce((sum, fold) => sum + counts[fold]!, 0);
  return Float32Array.from(of, (fold) => (on.includes(fold) ? 1 / count : 0));
}

/** The mean loss over the rows of a fold: negative log likelihood, or half the squared error. */
function meanLoss(loss: LossName, scores: Float32Array, y: Float32Array, { of }: Folds, fold: number): number {
  let [sum, count] = [0, 0];
  of.forEach((own, row) => {
    if (own !== fold) return;
    const z = scores[row]!;
    count++;
    sum +=
      loss === "ridge" ? (z - y[row]!) ** 2 / 2 : Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - y[row]! * z;
  });
  return sum / count;
}
