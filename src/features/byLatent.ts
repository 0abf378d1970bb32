import type { Codes } from "./codes.ts";

/** The rows in which one latent is not zero, ascending, and its activations there. */
export interface LatentRows {
  readonly latent: number;
  readonly rows: Uint32Array;
  readonly values: Float32Array;
}

/** Some latents that follow one another, with all their activations. */
export interface LatentGroup {
  readonly from: number;
  readonly to: number;
  readonly of: (latent: number) => LatentRows;
  /** In how many of the counted rows a latent is not zero together with each other one, `[latentDim]`; where it was asked for. */
  readonly together: (latent: number) => Uint32Array | undefined;
}

/** Which rows are counted to see what fires together: every so many. */
export interface Together {
  readonly every: number;
}

/** Activations of a group, and entries of its table of what fires together, at most; a latent alone may have more. */
const most = { activations: 2 ** 22, table: 2 ** 24 };

/** Pairs that are counted at most, so that it takes seconds, also where all latents fire everywhere. */
const mostPairs = 2e9;

/** How many rows to leave out between two counted ones: none where there are few pairs. */
export const togetherOf = ({ pairs }: Codes): Together => ({ every: Math.max(1, Math.ceil(pairs / mostPairs)) });

/**
 * All latents, group after group. Each group is one pass over the codes: what is in memory at once is one chunk and one group.
 * With `together`, also what fires together is counted.
 */
export async function* latentGroups(codes: Codes, together?: Together): AsyncGenerator<LatentGroup> {
  const { latentDim, fired } = codes;
  const widest = together ? Math.max(1, Math.floor(most.table / latentDim)) : latentDim;
  for (let from = 0; from < latentDim; ) {
    let [to, size] = [from, 0];
    while (to < latentDim && to - from < widest && (to === from || size + fired[to]! <= most.activations))
      size += fired[to++]!;
    yield await groupOf(codes, from, to, size, together);
    from = to;
  }
}

async function groupOf(
  codes: Codes,
  from: number,
  to: number,
  size: number,
  together: Together | undefined,
): Promise<LatentGroup> {
  const { latentDim, fired } = codes;
  const starts = new Uint32Array(to - from + 1);
  for (let i = 0; i < to - from; i++) starts[i + 1] = starts[i]! + fired[from + i]!;
  const next = starts.slice();
  const [rows, values] = [new Uint32Array(size), new Float32Array(size)];
  const table = together && new Uint32Array((to - from) * latentDim);
  for await (const chunk of codes.store.all())
    for (let r = 0; r < chunk.starts.length - 1; r++) {
      const row = chunk.first + r;
      const [first, end] = [chunk.starts[r]!, chunk.starts[r + 1]!];
      const counts = table && row % together.every === 0;
      for (let at = first; at < end; at++) {
        const latent = chunk.latents[at]!;
        if (latent < from || latent >= to) continue;
        const place = next[latent - from]!++;
        rows[place] = row;
        values[place] = chunk.values[at]!;
        if (!counts) continue;
        const line = (latent - from) * latentDim;
        for (let other = first; other < end; other++) table[line + chunk.latents[other]!]! += 1;
      }
    }
  return {
    from,
    to,
    of: (latent) => {
      const [a, b] = [starts[latent - from]!, starts[latent - from + 1]!];
      return { latent, rows: rows.subarray(a, b), values: values.subarray(a, b) };
    },
    together: (latent) => table?.subarray((latent - from) * latentDim, (latent - from + 1) * latentDim),
  };
}

/** In how many counted rows each latent is not zero, `[latentDim]`. */
export async function countedRows(codes: Codes, { every }: Together): Promise<Uint32Array> {
  if (every === 1) return codes.fired;
  const counts = new Uint32Array(codes.latentDim);
  for await (const { first, starts, latents } of codes.store.all())
    for (let r = 0; r < starts.length - 1; r++)
      if ((first + r) % every === 0) for (let at = starts[r]!; at < starts[r + 1]!; at++) counts[latents[at]!]! += 1;
  return counts;
}
