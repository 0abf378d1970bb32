import { faintShare } from "../../data/vectors.ts";
import { outputDimOf } from "../../sae/dims.ts";
import { normEpsilon } from "../../sae/normalise.ts";
import type { Plain, PlainTensors } from "../../sae/plain.ts";
import { architectureOf, type SaeSpec } from "../../sae/spec.ts";
import type { HostTensor } from "../../util/tensor.ts";

/** One row's forward pass in float64. */
export interface PlainRow extends Selected {
  /** Largest magnitude of the row's pre-activations. */
  readonly scale: number;
}

/** Which latents of a row are kept, and how clearly. */
interface Selected {
  /** `[latentDim]`; ties go to the lower index. */
  readonly latents: Float64Array;
  /** Magnitudes of the k kept latents, strongest first; none where each latent decides for itself. */
  readonly top: readonly number[];
  /** The score a latent needs: the k-th largest, or each latent's own `[latentDim]`; infinite where near a tie any latents may follow. */
  readonly threshold: number | Float64Array;
  /** How far the nearest latent whose keeping is a jump is from that, relative to `scale`; 1 where there is none. */
  readonly gap: number;
  /** The least difference of neighbours among the k largest scores, relative to `scale`; 1 where each latent decides for itself. */
  readonly distinct: number;
  /** How many latents are zero or not by rounding alone: where z has no jump, within `faintShare` of `scale`. */
  readonly faint: number;
  /** The nearest tie: it is where the sum of sign * pre over these latents is less by `distance`. */
  readonly edge: { readonly terms: readonly (readonly [latent: number, sign: number])[]; readonly distance: number };
}

/** The latents of every row of `x [rows, inputDim]`, in float64. */
export function plainLatents(spec: SaeSpec, tensors: PlainTensors, x: HostTensor<"float32">): PlainRow[] {
  const { inputDim, latentDim, options } = spec;
  const plain = architectureOf(spec).plain(options, spec);
  const { W_enc, b_dec } = tensors;
  const bias = tensors["bias" in plain && plain.bias ? plain.bias : "b_enc"];
  return Array.from({ length: x.dims[0]! }, (_, row) => {
    const { shift, scale: size } = scaleOf(plain, x.data.subarray(row * inputDim, (row + 1) * inputDim));
    const input = new Float64Array(inputDim);
    for (let i = 0; i < inputDim; i++)
      input[i] = (x.data[row * inputDim + i]! - shift) / size - (plain.inputBias ? b_dec!.data[i]! : 0);
    if ("pursues" in plain) return pursued(plain, input, tensors.W_dec!);
    const [pre, weights] = [new Float64Array(latentDim), W_enc!.data];
    for (let latent = 0; latent < latentDim; latent++) {
      let sum = bias!.data[latent]!;
      const from = latent * inputDim;
      for (let i = 0; i < inputDim; i++) sum += input[i]! * weights[from + i]!;
      pre[latent] = sum;
    }
    const scale = pre.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const given = { pre, tensors, scale };
    if ("gate" in plain) return { ...gated(plain, given), scale };
    return { ...("groups" in plain ? largestOfEach(plain, given) : largest(plain, given)), scale };
  });
}

/** What a row is divided by, after a shift is taken off, before it is encoded; and what its reconstruction is multiplied by. */
function scaleOf({ normalise = "none" }: Plain, x: ArrayLike<number>) {
  const row = Float64Array.from(x);
  const sum = (values: Float64Array) => values.reduce((all, one) => all + one, 0);
  if (normalise === "none") return { shift: 0, scale: 1, back: 1 };
  const shift = normalise === "layer-norm" ? sum(row) / row.length : 0;
  const square = sum(row.map((v) => (v - shift) ** 2));
  if (normalise === "layer-norm") {
    const back = Math.sqrt(square / (row.length - 1));
    return { shift, scale: back + normEpsilon, back };
  }
  const back = Math.sqrt(square / row.length);
  return { shift, scale: back || 1, back };
}

interface Given {
  readonly pre: Float64Array;
  readonly tensors: PlainTensors;
  readonly scale: number;
}

/** The k latents of the largest scores. */
function largest({ keeps: k, score, value }: Extract<Plain, { keeps: number }>, given: Given): Selected {
  const { pre, tensors, scale } = given;
  const scores = pre.map(score);
  const order = Array.from(pre.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const latents = new Float64Array(pre.length);
  for (const at of order.slice(0, k)) latents[at] = value(pre[at]!, at, tensors);
  const threshold = scores[order[k - 1]!]!;
  const next = k < pre.length ? scores[order[k]!]! : undefined;
  const gap = next === undefined ? 1 : scale === 0 ? 0 : (threshold - next) / scale;
  const steps = order.slice(1, k).map((at, i) => (scores[order[i]!]! - scores[at]!) / scale);
  const distinct = scale === 0 ? 0 : steps.reduce((least, step) => Math.min(least, step), 1);
  const top = order.slice(0, k).map((at) => Math.abs(latents[at]!));
  const faint = order.slice(0, k).filter((at) => Math.abs(pre[at]!) <= faintShare * scale).length;
  const sign = (at: number) => (pre[at] === 0 ? 1 : scores[at]! / pre[at]!);
  const [a, b = a] = order.slice(Math.max(0, Math.min(k, pre.length - 1) - 1)) as [number, number?];
  const edge = { terms: [[a, sign(a)] as const, [b, -sign(b)] as const], distance: scores[a]! - scores[b]! };
  return { latents, top, threshold, gap, distinct, faint, edge };
}

/** The largest latent of each group. */
function largestOfEach(plain: Extract<Plain, { groups: number }>, { pre, tensors, scale }: Given): Selected {
  const size = pre.length / plain.groups;
  const each = Array.from({ length: plain.groups }, (_, group) => {
    const own = pre.subarray(group * size, (group + 1) * size);
    const one = largest({ ...plain, keeps: 1 }, { pre: own, tensors, scale });
    const terms = one.edge.terms.map(([latent, sign]) => [latent + group * size, sign] as const);
    return { ...one, edge: { ...one.edge, terms } };
  });
  const nearest = each.reduce((least, one) => (one.gap < least.gap ? one : least));
  return {
    ...{ top: [], distinct: 1, gap: nearest.gap, edge: nearest.edge },
    latents: Float64Array.from(each.flatMap(({ latents }) => Array.from(latents))),
    threshold: Float64Array.from(each.flatMap(({ threshold }) => new Array<number>(size).fill(threshold as number))),
    faint: each.reduce((sum, { faint }) => sum + faint, 0),
  };
}

/**
 * Matching pursuit: so many times the decoder row with the largest product with what is left of the row is taken off. A round in which no
 * product is above 0 takes nothing. Where two are nearly equal, all later rounds may differ: there is no edge to move a row to.
 */
function pursued(
  { pursues: rounds, untilRepeat = false, untilBelow = 0 }: Extract<Plain, { pursues: number }>,
  left: Float64Array,
  { data, dims }: HostTensor<"float32">,
): PlainRow {
  const [latentDim, width] = dims as [number, number];
  const latents = new Float64Array(latentDim);
  const products = () =>
    Float64Array.from({ length: latentDim }, (_, latent) =>
      left.reduce((sum, v, i) => sum + v * data[latent * width + i]!, 0),
    );
  const scale = products().reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  let [gap, faint] = [1, 0];
  for (let round = 0; round < rounds; round++) {
    const found = products();
    const best = found.reduce((at, v, i) => (v > found[at]! ? i : at), 0);
    const next = found.reduce((most, v, i) => (i === best ? most : Math.max(most, v)), Number.NEGATIVE_INFINITY);
    const size = Math.max(0, found[best]!);
    if (scale > 0) gap = Math.min(gap, (found[best]! - next) / scale);
    if (Math.abs(found[best]!) <= faintShare * scale) faint++;
    const isNew = size > 0 && latents[best] === 0;
    latents[best]! += size;
    for (let i = 0; i < width; i++) left[i]! -= size * data[best * width + i]!;
    const length = Math.sqrt(left.reduce((sum, v) => sum + v * v, 0));
    // Near the length at which a row ends, another round may follow or not.
    if (untilBelow > 0 && scale > 0) gap = Math.min(gap, Math.abs(length - untilBelow) / scale);
    if ((untilRepeat && !isNew) || length < untilBelow) break;
  }
  const edge = { terms: [], distance: 0 };
  return { latents, top: [], threshold: Number.POSITIVE_INFINITY, gap, distinct: 1, faint, edge, scale };
}

/** The latents above their gates. Where nothing jumps, z grows from 0. */
function gated(plain: Extract<Plain, { gate: unknown }>, { pre, tensors, scale }: Given): Selected {
  const { gate, value, jumps = (latent) => gates[latent]! > 0 } = plain;
  const gates = pre.map((_, latent) => gate(latent, tensors));
  const latents = pre.map((one, latent) => (one > gates[latent]! ? value(one, latent, tensors) : 0));
  const away = pre.map((one, latent) => Math.abs(one - gates[latent]!));
  const jumping = away.map((_, latent) => Number(jumps(latent, tensors)));
  const steep = away.filter((_, latent) => jumping[latent]);
  const nearest = away.indexOf((steep.length > 0 ? steep : away).reduce((least, one) => Math.min(least, one)));
  const gap = steep.length === 0 ? 1 : scale === 0 ? 0 : Math.min(1, away[nearest]! / scale);
  const faint = away.filter((one, latent) => !jumping[latent] && one <= faintShare * scale).length;
  const edge = { terms: [[nearest, 1] as const], distance: pre[nearest]! - gates[nearest]! };
  // What a latent at its gate would be.
  const threshold = gates.map((one, latent) => value(one, latent, tensors));
  return { latents, top: [], threshold, gap, distinct: 1, faint, edge };
}

/** The reconstruction `[outputDim]` of one row's latents, in float64; of `x`, what they were encoded from. */
export function plainReconstruction(
  spec: SaeSpec,
  { W_dec, b_dec, W_skip }: PlainTensors,
  latents: ArrayLike<number>,
  x: ArrayLike<number> = [],
) {
  const width = outputDimOf(spec);
  const sums = new Float64Array(width);
  if (b_dec) sums.set(b_dec.data);
  for (let latent = 0; latent < latents.length; latent++) {
    const z = latents[latent]!;
    if (z !== 0) for (let i = 0; i < width; i++) sums[i]! += z * W_dec!.data[latent * width + i]!;
  }
  if (W_skip)
    for (let i = 0; i < width; i++)
      for (let j = 0; j < spec.inputDim; j++) sums[i]! += W_skip.data[i * spec.inputDim + j]! * x[j]!;
  const plain = architectureOf(spec).plain(spec.options, spec);
  if (spec.outputDim !== undefined || (plain.normalise ?? "none") === "none") return sums;
  const { shift, back } = scaleOf(plain, x);
  return sums.map((v) => v * back + shift);
}
