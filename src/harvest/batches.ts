/** How much longer the longest text of a batch may be than its shortest: what is filled up is computed for nothing. */
const mostFilled = 1.125;

/**
 * Texts in batches of like length, by their numbers: the shortest first. A batch has at most `tokens` places, but one text always.
 * Without `fills` all texts of a batch have one length.
 */
export function batchesByLength(lengths: ArrayLike<number>, tokens: number, fills: boolean): readonly number[][] {
  const order = Array.from({ length: lengths.length }, (_, text) => text).filter((text) => lengths[text]! > 0);
  order.sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const text of order) {
    const [length, shortest] = [lengths[text]!, lengths[batch[0] ?? text]!];
    const fits = (batch.length + 1) * length <= tokens && length <= (fills ? mostFilled * shortest : shortest);
    if (batch.length > 0 && !fits) {
      batches.push(batch);
      batch = [];
    }
    batch.push(text);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
