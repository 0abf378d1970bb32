/** Trees of features: a feature fires only where its parent does, and of the children of one parent at most one. */
export interface Hierarchy {
  /** The parent of each feature, -1 for roots and for features in no tree; `[features]`. Parents have lower numbers. */
  readonly parents: Int32Array<ArrayBuffer>;
  /** Number of the first child of each feature, and how many follow one another from there; `[features]`. */
  readonly firstChild: Int32Array;
  readonly children: Int32Array;
}

/**
 * `roots` trees of `depth` levels below their root, `branching` children to a parent. Features are handed out level by level, so that
 * the most frequent ones are roots; trees end where features do.
 */
export function growForest(
  features: number,
  { roots, branching, depth }: { readonly roots: number; readonly branching: number; readonly depth: number },
): Hierarchy {
  const parents = new Int32Array(features).fill(-1);
  const firstChild = new Int32Array(features);
  const children = new Int32Array(features);
  let [from, to] = [0, Math.min(roots, features)];
  for (let level = 0; level < depth; level++) {
    let next = to;
    for (let parent = from; parent < to && next < features; parent++) {
      firstChild[parent] = next;
      children[parent] = Math.min(branching, features - next);
      parents.fill(parent, next, next + children[parent]!);
      next += children[parent]!;
    }
    [from, to] = [to, next];
  }
  return { parents, firstChild, children };
}

/**
 * With which probability each feature must be drawn so that, after the rules of its tree, it fires about as often as `wanted`:
 *
 *     p_i / p_parent (1 + sum of the siblings' p / p_parent), at most 1
 *
 * The first factor undoes that the parent must fire, the second that siblings take turns. It is exact for no siblings only, and where
 * the children of a parent ask for more than it has they get less. Source: SynthSAEBench (arXiv 2602.14687), probability compensation.
 */
export function compensated(wanted: Float64Array, { parents, firstChild, children }: Hierarchy): Float64Array {
  return wanted.map((p, feature) => {
    const parent = parents[feature]!;
    if (parent < 0) return p;
    const siblings = wanted.subarray(firstChild[parent]!, firstChild[parent]! + children[parent]!);
    const others = siblings.reduce((sum, one) => sum + one, 0) - p;
    return Math.min(1, (p / wanted[parent]!) * (1 + Math.max(0, others) / wanted[parent]!));
  });
}
