import type { Folds } from "./folds.ts";
import type { Target } from "./label.ts";

/** What is measured of probes on rows they were not trained on, by name. A row counts as often as its weight says. */
export type Measures = Readonly<Record<string, number>>;

/** Bins of equal width that predicted probabilities are sorted into, for the calibration error. */
const bins = 10;

/** How to measure with any weights of the rows; what does not depend on them is worked out once. */
export type Measurer = (weights: ArrayLike<number>) => Measures;

/**
 * The measures of `scores`, one array a probe: for classes `auc`, `accuracy`, `ece`, `brier`, for numbers `r2`.
 *
 * With more than two classes there is a probe for each, and `auc`, `ece`, `brier` are the means of theirs; the class of a row is the one whose probe
 * says most. With two there is one, of the second; a row is of it from probability 1/2 on.
 */
export function measurerOf(target: Target, scores: readonly Float32Array[], folds: Folds): Measurer {
  if (target.kind === "number") return (weights) => ({ r2: r2(target.values, scores[0]!, weights) });
  const { of } = target;
  const single = scores.length === 1;
  const probes = scores.map((own, probe) => {
    const isOne = Uint8Array.from(of, (value) => (value === (single ? 1 : probe) ? 1 : 0));
    const probability = Float64Array.from(own, (z) => 1 / (1 + Math.exp(-z)));
    return { isOne, probability, auc: aucOf(own, isOne, folds) };
  });
  const said = Uint8Array.from(of, (_, row) => (single ? Number(scores[0]![row]! >= 0) : largest(scores, row)));
  return (weights) => {
    const mean = (value: (row: number) => number) => weightedMean(value, weights);
    const over = (value: (probe: (typeof probes)[number]) => number) =>
      probes.reduce((sum, probe) => sum + value(probe), 0) / probes.length;
    return {
      auc: over(({ auc }) => auc(weights)),
      accuracy: mean((row) => (said[row] === of[row] ? 1 : 0)),
      ece: over(({ probability, isOne }) => calibrationError(probability, isOne, weights)),
      brier: over(({ probability, isOne }) => mean((row) => (probability[row]! - isOne[row]!) ** 2)),
    };
  };
}

function largest(scores: readonly Float32Array[], row: number): number {
  let best = 0;
  for (let probe = 1; probe < scores.length; probe++) if (scores[probe]![row]! > scores[best]![row]!) best = probe;
  return best;
}

function weightedMean(value: (row: number) => number, weights: ArrayLike<number>): number {
  let [sum, total] = [0, 0];
  for (let row = 0; row < weights.length; row++) {
    const weight = weights[row]!;
    if (weight === 0) continue;
    sum += weight * value(row);
    total += weight;
  }
  return sum / total;
}

/**
 * The area under the curve of true positives over false ones: of all pairs of a row of the class and one without, both of one fold, the
 * share in which the former has the higher score; equal ones count half. Scores of different folds come from different probes and are not compared.
 */
function aucOf(scores: Float32Array, isOne: Uint8Array, { of }: Folds): (weights: ArrayLike<number>) => number {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => of[a]! - of[b]! || scores[a]! - scores[b]!);
  return (weights) => {
    let [won, pairs] = [0, 0];
    for (let at = 0; at < order.length; ) {
      const fold = of[order[at]!]!;
      let [ones, zeros, wonHere] = [0, 0, 0];
      while (at < order.length && of[order[at]!] === fold) {
        const score = scores[order[at]!]!;
        let [tiedOnes, tiedZeros] = [0, 0];
        for (; at < order.length && of[order[at]!] === fold && scores[order[at]!] === score; at++) {
          const row = order[at]!;
          if (isOne[row]) tiedOnes += weights[row]!;
          else tiedZeros += weights[row]!;
        }
        wonHere += tiedOnes * (zeros + tiedZeros / 2);
        ones += tiedOnes;
        zeros += tiedZeros;
      }
      won += wonHere;
      pairs += ones * zeros;
    }
    return won / pairs;
  };
}

/**
 * Expected calibration error: in ten bins of predicted probability, the distance between the mean prediction and the share of the class,
 * averaged by rows. 0 is perfect. Source: Guo et al. 2017, On calibration of modern neural networks, equation 3, for the probability of the class.
 */
function calibrationError(probability: Float64Array, isOne: Uint8Array, weights: ArrayLike<number>): number {
  const gaps = new Float64Array(bins);
  let total = 0;
  for (let row = 0; row < probability.length; row++) {
    const p = probability[row]!;
    gaps[Math.min(bins - 1, Math.floor(p * bins))]! += weights[row]! * (p - isOne[row]!);
    total += weights[row]!;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total;
}

/** 1 - squared error / squared distance from the mean of these rows. 1 is perfect, 0 no better than the mean. */
function r2(values: Float64Array, said: Float32Array, weights: ArrayLike<number>): number {
  const mean = weightedMean((row) => values[row]!, weights);
  const error = weightedMean((row) => (values[row]! - said[row]!) ** 2, weights);
  return 1 - error / weightedMean((row) => (values[row]! - mean) ** 2, weights);
}
