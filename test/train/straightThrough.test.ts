import { describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import * as op from "../../src/graph/ops.ts";
import type { Value } from "../../src/graph/value.ts";
import { jumpThrough, stepThrough } from "../../src/sae/jumpRelu.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { evaluateGraph } from "../run.ts";

type V = Value<"float32">;

const [rows, latents, width] = [40, 6, 0.5];
const rng = random(5, "straight through");
const float64 = (dims: number[]) =>
  tensor(
    "float64",
    dims,
    Float64Array.from({ length: dims.reduce((a, b) => a * b) }, () => rng.normal()),
  );
const pre = float64([rows, latents]);
const dy = float64([rows, latents]);
const threshold = tensor("float64", [latents], Float64Array.of(0, 0.1, 0.2, 0.4, 0.8, 1.6));

/** The gradients of sum(dy f(pre, threshold)) for both. */
async function gradientsOf(f: (pre: V, threshold: V) => V) {
  const [x, theta] = [pre, threshold].map(({ dims }) => op.input("float64", dims) as unknown as V) as [V, V];
  const weight = op.input("float64", dy.dims) as unknown as V;
  // The second term makes the loss depend on both, whatever the first does.
  const zero = op.mul(op.add(op.reduceSum(x), op.reduceSum(theta)), 0);
  const found = gradients(op.add(op.reduceSum(op.mul(weight, f(x, theta))), zero), { x, theta });
  const named = { dx: found.x, dtheta: found.theta };
  return evaluateGraph({ x, theta, weight }, named, { x: pre, theta: threshold, weight: dy });
}

/** The same by the formula, entry by entry. */
function byFormula(dPre: (pre: number, theta: number) => number, dTheta: (pre: number, theta: number) => number) {
  const [x, theta] = [new Float64Array(rows * latents), new Float64Array(latents)];
  for (let i = 0; i < rows * latents; i++) {
    const one = threshold.data[i % latents]! as number;
    x[i] = (dy.data[i] as number) * dPre(pre.data[i] as number, one);
    theta[i % latents]! += (dy.data[i] as number) * dTheta(pre.data[i] as number, one);
  }
  return { x, theta };
}

const rectangle = (u: number) => (Math.abs(u) < 0.5 ? 1 : 0);

function expectSame(found: Readonly<Record<string, HostTensor>>, wanted: ReturnType<typeof byFormula>) {
  for (const [name, values] of Object.entries(wanted))
    for (const [i, value] of values.entries())
      expect(Number(found[`d${name}`]!.data[i]), `${name} ${i}`).toBeCloseTo(value, 12);
}

describe("straight-through gradients are those of Rajamanoharan et al. 2024", () => {
  test("the points are on both sides of thresholds, inside and outside the rectangle", () => {
    const off = Array.from(pre.data, (v, i) => Number(v) - Number(threshold.data[i % latents]));
    for (const inside of [(v: number) => v > 0 && v < 0.25, (v: number) => v < 0 && v > -0.25, (v: number) => v > 0.25])
      expect(off.filter(inside).length).toBeGreaterThan(10);
  });

  test("z = pre [pre > theta]: dz/dpre = [pre > theta], dz/dtheta = -(theta / eps) R((pre - theta) / eps)", async () => {
    const found = await gradientsOf((pre, threshold) => jumpThrough(pre, threshold, width));
    const wanted = byFormula(
      (pre, theta) => (pre > theta ? 1 : 0),
      (pre, theta) => -(theta / width) * rectangle((pre - theta) / width),
    );
    expectSame(found, wanted);
  });

  test("H(pre - theta): dH/dpre = 0, dH/dtheta = -(1 / eps) R((pre - theta) / eps)", async () => {
    const found = await gradientsOf((pre, threshold) => stepThrough(pre, threshold, width));
    expectSame(
      found,
      byFormula(
        () => 0,
        (pre, theta) => -(1 / width) * rectangle((pre - theta) / width),
      ),
    );
  });
});
