/** The `most` items with the largest values above 0, the largest first, ties by the lower item. Quick where these are few of many. */
export function largest(items: Iterable<number>, most: number, sizeOf: (item: number) => number): number[] {
  const kept: number[] = [];
  const values: number[] = [];
  for (const item of items) {
    const value = sizeOf(item);
    const isBefore = (at: number) => value > values[at]! || (value === values[at]! && item < kept[at]!);
    if (!(value > 0) || (kept.length === most && !isBefore(most - 1))) continue;
    let at = kept.length === most ? most - 1 : kept.length;
    for (; at > 0 && isBefore(at - 1); at--) [kept[at], values[at]] = [kept[at - 1]!, values[at - 1]!];
    [kept[at], values[at]] = [item, value];
  }
  return kept;
}
