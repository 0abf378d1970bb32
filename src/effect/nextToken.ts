/** @file What a language model says of the next token, from its logits; all in float64. */

/** `log(sum(exp(x)))` of `size` logits from `from` on. */
export function logSumExp(logits: Float32Array, from: number, size: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let at = from; at < from + size; at++) if (!(logits[at]! <= most)) most = logits[at]!;
  if (!Number.isFinite(most)) return most;
  let sum = 0;
  for (let at = from; at < from + size; at++) sum += Math.exp(logits[at]! - most);
  return most + Math.log(sum);
}

/** A distribution over the vocabulary, as the unchanged model gives it. */
export interface Distribution {
  readonly logits: Float32Array;
  /** Where its logits begin. */
  readonly from: number;
  readonly logSum: number;
  /** `[vocabulary]`. */
  readonly chances: Float64Array;
}

/** The distribution of the logits from `from` on. */
export function distributionAt(logits: Float32Array, from: number, vocabulary: number): Distribution {
  const logSum = logSumExp(logits, from, vocabulary);
  const chances = new Float64Array(vocabulary);
  for (let id = 0; id < vocabulary; id++) chances[id] = Math.exp(logits[from + id]! - logSum);
  return { logits, from, logSum, chances };
}

/** `-log p(token)` in nats. */
export const crossEntropy = (logits: Float32Array, from: number, logSum: number, token: number): number =>
  logSum - logits[from + token]!;

/**
 * `sum p log(p / q)` in nats, p the unchanged model's distribution and q that of other logits at the same place; 0 where they are alike.
 * A token that p gives no chance adds nothing.
 */
export function divergence(p: Distribution, logits: Float32Array, logSum: number): number {
  let sum = 0;
  for (let id = 0; id < p.chances.length; id++) {
    const chance = p.chances[id]!;
    if (chance > 0) sum += chance * (p.logits[p.from + id]! - logits[p.from + id]!);
  }
  return sum - p.logSum + logSum;
}

/** The token of the largest logit; ties go to the lower id. */
export function likeliest(logits: Float32Array, from: number, vocabulary: number): number {
  let best = 0;
  for (let id = 1; id < vocabulary; id++) if (logits[from + id]! > logits[from + best]!) best = id;
  return best;
}
