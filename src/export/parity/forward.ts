import type { SaeSpec } from "../../sae/spec.ts";
import { ConfigError } from "../../util/errors.ts";
import type { HostTensor } from "../../util/tensor.ts";

/** Parameters of an SAE by name. */
type Weights = Readonly<Record<string, HostTensor<"float32"> | undefined>>;

type Options = SaeSpec["options"];

/** What differs between architectures, in words of one row and one latent. */
interface Rule {
  /** Whether b_dec is taken off the input first. */
  readonly centred: (options: Options) => boolean;
  readonly score: (pre: number, options: Options) => number;
  readonly value: (pre: number, options: Options) => number;
}

const relu = (pre: number) => Math.max(0, pre);
const selected = (pre: number, { select }: Options) => (select === "magnitude" ? Math.abs(pre) : pre);

/** Architectures that select k latents (or keep all), written a second time: nothing of the graph builder in it. */
const rules: Readonly<Record<string, Rule>> = {
  topk: { centred: () => false, score: selected, value: (pre) => pre },
  "topk-relu": { centred: () => true, score: (pre) => pre, value: relu },
  "pretrained-topk": {
    centred: ({ inputBias }) => inputBias === true,
    score: selected,
    value: (pre, options) => (options.relu === true ? relu(pre) : pre),
  },
  "pretrained-relu": { centred: ({ inputBias }) => inputBias === true, score: (pre) => pre, value: relu },
};

/** One row's forward pass in float64. */
export interface PlainRow {
  /** `[latentDim]`. */
  readonly pre: Float64Array;
  /** What decides which latents are kept, `[latentDim]`. */
  readonly scores: Float64Array;
  /** `[latentDim]`; ties go to the lower index. */
  readonly latents: Float64Array;
  /** The kept latents, strongest first, and the next one. */
  readonly order: readonly number[];
  /** The k-th largest score. */
  readonly threshold: number;
  /** By how much the k-th score is above the next, relative to `scale`; 1 where none is next. */
  readonly gap: number;
  /** Largest magnitude of the row's pre-activations. */
  readonly scale: number;
}

function ruleOf({ architecture }: SaeSpec): Rule {
  const rule = Object.hasOwn(rules, architecture) ? rules[architecture] : undefined;
  if (!rule) throw new ConfigError(`architecture ${architecture} has no parity vectors yet; it cannot be verified`);
  return rule;
}

/** The latents of every row of `x [rows, inputDim]`, in float64. @throws {ConfigError} for an architecture not written here. */
export function plainLatents(spec: SaeSpec, weights: Weights, x: HostTensor<"float32">): PlainRow[] {
  const { inputDim, latentDim, options } = spec;
  const { centred, score, value } = ruleOf(spec);
  const { W_enc, b_enc, b_dec } = weights;
  const k = typeof options.k === "number" ? options.k : latentDim;
  return Array.from({ length: x.dims[0]! }, (_, row) => {
    const input = Float64Array.from({ length: inputDim }, (_, i) => {
      return x.data[row * inputDim + i]! - (centred(options) ? b_dec!.data[i]! : 0);
    });
    const pre = Float64Array.from({ length: latentDim }, (_, latent) => {
      let sum = b_enc!.data[latent]!;
      const from = latent * inputDim;
      for (let i = 0; i < inputDim; i++) sum += input[i]! * W_enc!.data[from + i]!;
      return sum;
    });
    const scores = pre.map((one) => score(one, options));
    const order = Array.from(pre.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
    const latents = new Float64Array(latentDim);
    for (const at of order.slice(0, k)) latents[at] = value(pre[at]!, options);
    const scale = pre.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const threshold = scores[order[k - 1]!]!;
    const next = k < latentDim ? scores[order[k]!]! : undefined;
    const gap = next === undefined ? 1 : scale === 0 ? 0 : (threshold - next) / scale;
    return { pre, scores, latents, order: order.slice(0, k + 1), threshold, gap, scale };
  });
}

/** The reconstruction `[inputDim]` of one row's latents, in float64. */
export function plainReconstruction({ inputDim }: SaeSpec, { W_dec, b_dec }: Weights, latents: ArrayLike<number>) {
  const sums = new Float64Array(inputDim);
  if (b_dec) sums.set(b_dec.data);
  for (let latent = 0; latent < latents.length; latent++) {
    const z = latents[latent]!;
    if (z !== 0) for (let i = 0; i < inputDim; i++) sums[i]! += z * W_dec!.data[latent * inputDim + i]!;
  }
  return sums;
}
