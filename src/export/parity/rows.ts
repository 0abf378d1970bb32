import type { SaeSpec } from "../../sae/spec.ts";
import { random } from "../../util/random.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import { type PlainRow, plainLatents } from "./forward.ts";

type Weights = Readonly<Record<string, HostTensor<"float32"> | undefined>>;

/** Rows of each kind. */
const counts = { noise: 8, directions: 8, ties: 4, extremes: 2 };
const [huge, tiny] = [1e15, 1e-15];

/**
 * What a frozen model is tried on, `[rows, inputDim]`: normal numbers, sums of decoder rows, rows at which the k-th and the next
 * latent have nearly the same score, a row of zeros, rows of huge and of tiny magnitude. The same weights give the same rows.
 */
export function parityRows(spec: SaeSpec, weights: Weights): HostTensor<"float32"> {
  const { inputDim, latentDim } = spec;
  const { W_dec, b_dec } = weights;
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
  const tied = plainLatents(spec, weights, matrix(first, inputDim)).map((row, i) => tie(weights, first[i]!, row));
  const extremes = [huge, tiny].flatMap((size) =>
    many(counts.extremes, () => sum().map((v, i) => size * (v - (b_dec?.data[i] ?? 0)))),
  );
  return matrix([...ordinary, ...tied, new Float32Array(inputDim), ...extremes], inputDim);
}

/** x - t d, with d = s_a w_a - s_b w_b, t = (score_a - score_b) / |d|^2: there the k-th latent a and the next one b have one score; s are the signs of the scores. */
function tie({ W_enc }: Weights, x: Float32Array, { order, scores, pre }: PlainRow): Float32Array {
  const [a, b] = order.slice(-2) as [number, number];
  const sign = (at: number) => (pre[at] === 0 ? 1 : scores[at]! / pre[at]!);
  const weight = (at: number, i: number) => sign(at) * W_enc!.data[at * x.length + i]!;
  const d = Float64Array.from(x, (_, i) => weight(a, i) - weight(b, i));
  const square = d.reduce((sum, v) => sum + v * v, 0);
  const t = square === 0 ? 0 : (scores[a]! - scores[b]!) / square;
  return x.map((v, i) => v - t * d[i]!);
}

function matrix(rows: readonly Float32Array[], width: number): HostTensor<"float32"> {
  const data = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) data.set(row, i * width);
  return tensor("float32", [rows.length, width], data);
}
