import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import * as op from "../../src/graph/ops.ts";
import { broadcastShapes } from "../../src/graph/shapes.ts";
import type { Float, Shape, Value } from "../../src/graph/value.ts";
import { sizeOf, tensor } from "../../src/util/tensor.ts";
import { cases, constant, rowsOf } from "../autodiff/cases.ts";
import { type Case, prefixed, symbolic, written } from "../autodiff/vjp.ts";
import { evaluateGraph } from "../run.ts";

/** Runs a case and compares every inferred dim that says a size, or is a name, with the one that came. */
async function compare(name: string, one: Case, dims?: typeof symbolic) {
  const { inputs, y } = written(one, dims);
  const loss = op.reduceSum(op.mul(y, y));
  const grads = name in constant ? {} : prefixed(gradients(loss, inputs as Record<string, Value<Float>>));
  const feeds = Object.fromEntries(
    one.shapes.map((shape, i) => {
      const data = Array.from({ length: sizeOf(shape) }, (_, j) => 0.3 + Math.sin(j + i));
      return [
        `x${i}`,
        one.dtype === "float64"
          ? tensor("float64", shape, Float64Array.from(data))
          : tensor("float32", shape, Float32Array.from(data)),
      ];
    }),
  );
  const outputs = { y, ...grads };
  const results = await evaluateGraph(inputs, outputs, feeds);
  const size = (dim: number | string, came: number) =>
    dim === "?" ? came : typeof dim === "number" ? dim : Number(dim.slice("size_".length));
  for (const [output, { shape }] of Object.entries(outputs)) {
    const came = results[output]!.dims;
    expect({ output, dims: shape.map((dim, i) => size(dim, came[i]!)) }).toEqual({ output, dims: came });
  }
  return { y, grads };
}

describe("inferred shapes are those that come", () => {
  test.each(rowsOf({ ...cases, ...constant }))("$name of $shapes", async ({ name, one }) => {
    const { y, grads } = await compare(name, one);
    for (const [i, shape] of one.shapes.entries()) if (grads[`d_x${i}`]) expect(grads[`d_x${i}`]!.shape).toEqual(shape);
    if (name !== "Slice") expect(y.shape).not.toContain("?");
  });

  const named = rowsOf({ ...cases, ...constant }).filter(({ one }) => {
    try {
      return written(one, symbolic);
    } catch {
      return false;
    }
  });
  test("most cases can be written with names", () => expect(named.length).toBeGreaterThan(50));
  test.each(named)("$name of $shapes, its first size a name", async ({ name, one }) => {
    const { grads } = await compare(name, one, symbolic);
    for (const [i, shape] of one.shapes.entries())
      if (grads[`d_x${i}`]) expect(grads[`d_x${i}`]!.shape).toEqual(symbolic(shape));
  });
});

describe("broadcasting", () => {
  /** numpy's rule, from its manual: right-aligned, a missing or 1 dim stretches. */
  function numpy(a: readonly number[], b: readonly number[]): number[] | undefined {
    const [left, right] = [[...a].reverse(), [...b].reverse()];
    const result: number[] = [];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const [l, r] = [left[i] ?? 1, right[i] ?? 1];
      if (l !== r && l !== 1 && r !== 1) return undefined;
      result.unshift(l === 1 ? r : l);
    }
    return result;
  }
  const shape = fc.array(fc.constantFrom(0, 1, 1, 2, 3), { maxLength: 4 });

  test("is numpy's", () => {
    const both = (a: readonly number[], b: readonly number[]) => {
      try {
        return broadcastShapes("Add", a, b);
      } catch {
        return undefined;
      }
    };
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        expect(both(a, b)).toEqual(numpy(a, b));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("is ONNX Runtime's", async () => {
    const pairs = fc.sample(fc.tuple(shape, shape), { seed: 2, numRuns: 40 }).filter(([a, b]) => numpy(a, b));
    expect(pairs.length).toBeGreaterThan(10);
    for (const [a, b] of pairs) {
      const [x, y] = [op.input("float32", a), op.input("float32", b)];
      const zeros = (dims: number[]) => tensor("float32", dims, new Float32Array(sizeOf(dims)));
      const { sum } = await evaluateGraph({ x, y }, { sum: op.add(x, y) }, { x: zeros(a), y: zeros(b) });
      expect(sum!.dims).toEqual(broadcastShapes("Add", a, b));
    }
  });

  test.each<[Shape, Shape, Shape]>([
    [["batch", 4], [4], ["batch", 4]],
    [
      ["batch", 1],
      ["batch", 4],
      ["batch", 4],
    ],
    [["batch"], ["?"], ["batch"]],
    [
      ["?", 4],
      [3, 1],
      [3, 4],
    ],
    [["?"], [1], ["?"]],
    [["?"], ["?"], ["?"]],
    [[], ["batch"], ["batch"]],
  ])("%j and %j give %j", (a, b, both) => {
    expect(broadcastShapes("Add", a, b)).toEqual(both);
    expect(broadcastShapes("Add", b, a)).toEqual(both);
  });
});

describe("names and unknown sizes through ops that change shapes", () => {
  const x = op.input("float32", ["batch", 4]);
  const order = op.input("int64", ["visits"]);
  const some = op.input("int64", [2]);
  test.each<[string, () => Value, Shape]>([
    ["matMul", () => op.matMul(x, op.input("float32", [4, 5])), ["batch", 5]],
    ["gemm", () => op.gemm(x, x, { transA: true }), [4, 4]],
    ["gather", () => op.gather(x, order), ["visits", 4]],
    ["gather along another axis", () => op.gather(x, some, -1), ["batch", 2]],
    ["topK", () => op.topK(x, 3).indices, ["batch", 3]],
    ["reduceSum", () => op.reduceSum(x, { axes: [-1], keepDims: true }), ["batch", 1]],
    ["slice of all", () => op.slice(x, { axis: 0 }), ["batch", 4]],
    ["slice of a name", () => op.slice(x, { axis: 0, from: 1 }), ["?", 4]],
    ["slice of a name to a number", () => op.slice(x, { axis: 0, to: 3 }), ["?", 4]],
    ["slice past the end", () => op.slice(x, { axis: 1, from: 2, to: 9 }), ["batch", 2]],
    ["slice from the end", () => op.slice(x, { axis: 1, from: -3, to: -1 }), ["batch", 2]],
    ["slice of nothing", () => op.slice(x, { axis: 1, from: 3, to: 1 }), ["batch", 0]],
    [
      "slice with bounds in the graph",
      () => op.slice(x, { axis: 1, from: op.slice(order, { axis: 0, to: 1 }) }),
      ["batch", "?"],
    ],
    ["concat along a name", () => op.concat([x, x], 0), ["?", 4]],
    ["concat along a number", () => op.concat([x, x], 1), ["batch", 8]],
    ["reshape to what is left", () => op.reshape(x, [-1, 4]), ["batch", 4]],
    ["reshape that keeps a name", () => op.reshape(x, [0, 2, -1]), ["batch", 2, 2]],
    ["reshape to a column", () => op.reshape(x, [-1, 1]), ["?", 1]],
    ["reshape to what is left, halved", () => op.reshape(x, [-1, 2]), ["?", 2]],
    ["reshape as another value", () => op.reshape(op.input("float32", ["?"]), op.shape(x)), ["batch", 4]],
    ["reshape to a shape in the graph", () => op.reshape(x, some), ["?", "?"]],
    ["expand as another value", () => op.expand(op.input("float32", []), op.shape(x)), ["batch", 4]],
    ["expand to a shape in the graph", () => op.expand(op.input("float32", []), some), ["?", "?"]],
    ["zerosLike", () => op.zerosLike(x), ["batch", 4]],
    ["squeeze of an unknown size", () => op.squeeze(op.input("float32", ["?", 4]), [0]), [4]],
    ["unsqueeze", () => op.unsqueeze(x, [-1, 0]), [1, "batch", 4, 1]],
    ["nonZero", () => op.nonZero(x), [2, "?"]],
  ])("%s", (_, build, shape) => expect(build().shape).toEqual(shape));
});
