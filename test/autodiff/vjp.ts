import { gradients } from "../../src/autodiff/gradients.ts";
import * as op from "../../src/graph/ops.ts";
import type { Float, Value } from "../../src/graph/value.ts";
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

export const of = (f: (...inputs: V[]) => V, ...shapes: (readonly number[])[]): Case => ({ f, shapes, dtype: "float64", low: -1 });
/** As `of`, with inputs from 0.5 to 2.5. */
export const positive = (f: (...inputs: V[]) => V, ...shapes: (readonly number[])[]): Case => ({ ...of(f, ...shapes), low: 0.5 });
/** As `of`, in float32 where the CPU has no float64 kernel. */
export const single = (one: Case): Case => ({ ...one, dtype: "float32" });

/**
 * The derivative of u . f(x) along one random direction, by the gradient and by central differences
 * (autograd's check: one op costs three runs whatever its size). Both are relative to |u| |dx|.
 */
export async function vjp({ f, shapes, dtype, low }: Case): Promise<{ analytic: number; numeric: number }> {
  const rng = random(7, "vjp");
  const draw = (dims: readonly number[], from: number) =>
    tensor("float64", dims, Float64Array.from({ length: sizeOf(dims) }, () => from + 2 * rng.uniform()));
  const xs = shapes.map((dims) => draw(dims, low));
  const dxs = shapes.map((dims) => draw(dims, -1));
  const inputs = Object.fromEntries(shapes.map((dims, i) => [`x${i}`, op.input(dtype, dims)]));
  const y = f(...(Object.values(inputs) as V[]));
  const u = op.input(dtype, y.shape);
  const uData = draw(y.shape as number[], -1);
  const loss = op.reduceSum(op.mul(y, u));

  const to = (t: HostTensor<"float64">) => (dtype === "float64" ? t : tensor("float32", t.dims, Float32Array.from(t.data)));
  const feeds = (h: number) => ({
    u: to(uData),
    ...Object.fromEntries(xs.map((x, i) => [`x${i}`, to(tensor("float64", x.dims, x.data.map((v, j) => v + h * dxs[i]!.data[j]!)))])),
  });
  const h = dtype === "float64" ? 1e-5 : 1e-2;
  const at = async (step: number) => (await evaluateGraph({ ...inputs, u }, { loss }, feeds(step))).loss!.data[0] as number;
  const numeric = ((await at(h)) - (await at(-h))) / (2 * h);

  let analytic = 0;
  try {
    const grads = gradients(loss, inputs as Record<string, V>);
    const named = Object.fromEntries(Object.entries(grads).map(([name, value]) => [`d_${name}`, value]));
    const results = await evaluateGraph({ ...inputs, u }, named, feeds(0));
    for (const [i, dx] of dxs.entries())
      analytic += dx.data.reduce((sum, v, j) => sum + v * (results[`d_x${i}`]!.data[j] as number), 0);
  } catch (error) {
    if (!(error as Error).message.includes("does not depend")) throw error;
  }
  return { analytic, numeric };
}
