import { gradients } from "../../src/autodiff/gradients.ts";
import type { Values } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import type { Float, Shape, Value } from "../../src/graph/value.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, sizeOf, tensor } from "../../src/util/tensor.ts";
import { evaluateGraph } from "../run.ts";

type V = Value<Float>;

/** A function of float inputs, the shapes to try it at, and the element type ONNX Runtime's CPU has its kernel for. */
export interface Case {
  readonly f: (...inputs: V[]) => V;
  readonly shapes: readonly (readonly number[])[];
  readonly dtype: Float;
  /** Inputs are drawn from here up; logarithms and roots need positive ones. */
  readonly low: number;
}

export const of = (f: (...inputs: V[]) => V, ...shapes: (readonly number[])[]): Case => ({
  f,
  shapes,
  dtype: "float64",
  low: -1,
});
/** As `of`, with inputs from 0.5 to 2.5. */
export const positive = (f: (...inputs: V[]) => V, ...shapes: (readonly number[])[]): Case => ({
  ...of(f, ...shapes),
  low: 0.5,
});
/** As `of`, in float32 where the CPU has no float64 kernel. */
export const single = (one: Case): Case => ({ ...one, dtype: "float32" });

/** The same sizes with the first replaced by a name; equal sizes get equal names. */
export const symbolic = (shape: readonly number[]): Shape =>
  shape.map((dim, i) => (i === 0 && dim > 1 ? `size_${dim}` : dim));

/** Inputs `x0`, `x1`, ... for a case, and its output. */
export function written({ f, shapes, dtype }: Case, dims: (shape: readonly number[]) => Shape = (shape) => shape) {
  const inputs = Object.fromEntries(shapes.map((shape, i) => [`x${i}`, op.input(dtype, dims(shape))]));
  return { inputs, y: f(...(Object.values(inputs) as V[])) };
}

/**
 * The derivative of u . f(x) along one random direction, by the gradient and by central differences
 * (autograd's check: one op costs three runs whatever its size). Both are relative to |u| |dx|.
 */
export async function vjp(
  one: Case,
  dims?: (shape: readonly number[]) => Shape,
): Promise<{ analytic: number; numeric: number }> {
  const { shapes, dtype, low } = one;
  const rng = random(7, "vjp");
  const draw = (dims: readonly number[], from: number) =>
    tensor(
      "float64",
      dims,
      Float64Array.from({ length: sizeOf(dims) }, () => from + 2 * rng.uniform()),
    );
  const xs = shapes.map((dims) => draw(dims, low));
  const dxs = shapes.map((dims) => draw(dims, -1));
  const { inputs, y } = written(one, dims);

  const to = ({ dims, data }: HostTensor<"float64">) =>
    dtype === "float64" ? tensor("float64", dims, data) : tensor("float32", dims, Float32Array.from(data));
  const moved = (i: number, h: number) => xs[i]!.data.map((v, j) => v + h * dxs[i]!.data[j]!);
  const feeds = (h: number) =>
    Object.fromEntries(shapes.map((dims, i) => [`x${i}`, to(tensor("float64", dims, moved(i, h)))]));

  const result = (await evaluateGraph(inputs, { y }, feeds(0))).y!;
  const uTensor = to(draw(result.dims, -1));
  const u = op.input(dtype, y.shape);
  const loss = op.reduceSum(op.mul(y, u));
  const run = (outputs: Values, h: number) => evaluateGraph({ ...inputs, u }, outputs, { ...feeds(h), u: uTensor });
  const at = async (h: number) => Number((await run({ loss }, h)).loss!.data[0]);
  const h = dtype === "float64" ? 1e-5 : 1e-2;
  const numeric = ((await at(h)) - (await at(-h))) / (2 * h);

  let analytic = 0;
  try {
    const grads = await run(prefixed(gradients(loss, inputs as Record<string, V>)), 0);
    for (const [i, dx] of dxs.entries()) {
      const { dims, data } = grads[`d_x${i}`]!;
      if (`${dims}` !== `${dx.dims}`) throw new Error(`gradient of shape [${dims}] for an input [${dx.dims}]`);
      analytic += dx.data.reduce((sum, v, j) => sum + v * Number(data[j]), 0);
    }
  } catch (error) {
    if (!(error as Error).message.includes("does not depend")) throw error;
  }
  return { analytic, numeric };
}

/** Gradients under names of their own, `d_x0` for `x0`: an input and an output cannot share one. */
export const prefixed = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`d_${name}`, value]));
