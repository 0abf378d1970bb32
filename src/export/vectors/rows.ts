import type { SaeSpec } from "../../sae/spec.ts";
import { random } from "../../util/random.ts";
import type { HostTensor } from "../../util/tensor.ts";
import { type PlainRow, plainLatents } from "./forward.ts";
import { matrix } from "./tensors.ts";

type Weights = Readonly<Record<string, HostTensor<"float32"> | undefined>>;

/** Rows of each kind. */
const counts = { noise: 8, directions: 8, ties: 4, extremes: 2 };
const [huge, tiny] = [1e15, 1e-15];

/**
 * What a frozen model is tried on, `[rows, inputDim]`: normal numbers, sums of decoder rows (of a transcoder: encoder rows), rows at which the k-th and the next
 * latent have nearly the same score, a row of zeros, rows of huge and of tiny magnitude. The same weights give the same rows.
 */
export function vectorRows(spec: SaeSpec, weights: Weights): HostTensor<"float32"> {
  const { inputDim, latentDim } = spec;
  // A transcoder's decoder writes where it does not read: its encoder's rows say what it looks for.
  const { W_dec, b_dec } = spec.outputDim === undefined ? weights : { W_dec: weights.W_enc, b_dec: undefined };
  const rng = random(0, "parity");
  const noise = () => Float32Array.from({ length: inputDim }, () => rng.normal());
  const sum = () => {
    const row = noise().map((v, i) => 0.05 * v + (b_dec?.data[i] ?? 0));
    for (let n = 0; n < 4; n++) {
      const from = rng.below(latentDim) * inputDim;
      const size = 1 + 4 * rng.uniform();
      for (let i = 0; i < inputDim; i++) row[i]! += size * W_dec!.data[from + i]!;
    }
    return row;
  };
  const many = (count: number, row: () => Float32Array) => Array.from({ length: count }, row);
  const ordinary = [...many(counts.noise, noise), ...many(counts.directions, sum)];
  const first = ordinary.slice(-counts.ties);
  const tied = plainLatents(spec, weights, matrix(first)).map((row, i) => tie(weights, first[i]!, row));
  const extremes = [huge, tiny].flatMap((size) =>
    many(counts.extremes, () => sum().map((v, i) => size * (v - (b_dec?.data[i] ?? 0)))),
  );
  return matrix([...ordinary, ...tied, new Float32Array(inputDim), ...extremes]);
}

/** x - t d, with d = sum of s_a w_a over the terms of the row's nearest tie, t = distance / |d|^2: there the row is tied. */
export function tie({ W_enc }: Weights, x: Float32Array, { edge: { terms, distance } }: PlainRow): Float32Array {
  if (terms.length === 0) return x;
  const d = Float64Array.from(x, (_, i) =>
    terms.reduce((sum, [latent, sign]) => sum + sign * W_enc!.data[latent * x.length + i]!, 0),
  );
  const square = d.reduce((sum, v) => sum + v * v, 0);
  const t = square === 0 ? 0 : distance / square;
  return x.map((v, i) => v - t * d[i]!);
}
