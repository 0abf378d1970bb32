import { describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import { customGradient, stopGradient } from "../../src/graph/alias.ts";
import { loop } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import type { Value } from "../../src/graph/value.ts";
import { GradientError, ShapeError } from "../../src/util/errors.ts";
import { tensor } from "../../src/util/tensor.ts";
import { evaluateGraph, numbers } from "../run.ts";

type V = Value<"float64">;
const x = op.input("float64", []);
const y = op.input("float64", []);
const f64 = (value: number) => tensor("float64", [], Float64Array.of(value));

/** Values of scalars at x = 3, y = 5. */
async function at(outputs: Record<string, V>, [xAt, yAt] = [3, 5]) {
  const results = await evaluateGraph({ x, y }, outputs, { x: f64(xAt!), y: f64(yAt!) });
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Number(data[0])]));
}
const gradientOf = async (loss: V) => at({ dx: gradients(loss, { x }).x });

describe("the driver", () => {
  test("adds up the ways a value is used", async () => {
    // x y + x^3 + x: y + 3 x^2 + 1
    const loss = op.add(op.add(op.mul(x, y), op.pow(x, 3)), x);
    expect(await gradientOf(loss)).toEqual({ dx: 5 + 27 + 1 });
  });

  test("a value used twice by one op", async () => {
    expect(await gradientOf(op.mul(x, x))).toEqual({ dx: 6 });
    expect(await gradientOf(op.add(x, x))).toEqual({ dx: 2 });
    expect(await gradientOf(op.sub(x, x))).toEqual({ dx: 0 });
    expect(await gradientOf(op.div(x, x))).toEqual({ dx: 0 });
  });

  test("a loss that is a parameter, and a parameter on the way to another", async () => {
    const square = op.mul(x, x);
    const { a, b } = gradients(op.mul(square, y), { a: square, b: x });
    expect(await at({ one: gradients(x, { x }).x, a, b })).toEqual({ one: 1, a: 5, b: 30 });
  });

  test("gives one gradient under two names", async () => {
    expect(await at(gradients(op.mul(x, y), { a: x, b: x }))).toEqual({ a: 5, b: 5 });
  });

  test("a chain of 20,000 ops does not overflow the stack", () => {
    let value = x;
    for (let i = 0; i < 20_000; i++) value = op.neg(value);
    expect(gradients(value, { x }).x.shape).toEqual([]);
  });

  test("a path shared many times is walked once", () => {
    let value = x;
    for (let i = 0; i < 60; i++) value = op.add(value, value); // 2^60 paths
    expect(gradients(value, { x }).x.shape).toEqual([]);
  });

  test("broadcasts are undone, in both directions at once", async () => {
    const a = op.input("float64", [2, 1]);
    const b = op.input("float64", [3]);
    const { da, db } = (({ a: da, b: db }) => ({ da, db }))(gradients(op.reduceSum(op.mul(a, b)), { a, b }));
    const feeds = {
      a: tensor("float64", [2, 1], Float64Array.of(1, 2)),
      b: tensor("float64", [3], Float64Array.of(3, 4, 5)),
    };
    const results = await evaluateGraph({ a, b }, { da, db }, feeds);
    expect([results.da!.dims, numbers(results.da!.data)]).toEqual([
      [2, 1],
      [12, 12],
    ]);
    expect([results.db!.dims, numbers(results.db!.data)]).toEqual([[3], [3, 3, 3]]);
  });

  test("gradients of gradients", async () => {
    // f = exp(x) y + x^3 y^2: f_x = e^x y + 3 x^2 y^2, f_xx = e^x y + 6 x y^2, f_xy = e^x + 6 x^2 y, f_xxx = e^x y + 6 y^2
    const f = op.add(op.mul(op.exp(x), y), op.mul(op.pow(x, 3), op.mul(y, y)));
    const fx = gradients(f, { x }).x;
    const { x: fxx, y: fxy } = gradients(fx, { x, y });
    const fxxx = gradients(fxx, { x }).x;
    const found = await at({ fx, fxx, fxy, fxxx }, [0.5, 2]);
    const e = Math.exp(0.5);
    const expected = { fx: e * 2 + 3, fxx: e * 2 + 12, fxy: e + 3, fxxx: e * 2 + 24 };
    for (const [name, value] of Object.entries(expected)) expect(found[name], name).toBeCloseTo(value, 10);
  });

  test("second derivatives of a network agree with differences of the first", async () => {
    const W = op.input("float64", [3, 2]);
    const h = op.softmax(op.matMul(op.tanh(W), op.transpose(op.sigmoid(W))));
    const first = gradients(op.meanSquare(h), { W }).W;
    const direction = op.input("float64", [3, 2]);
    const second = gradients(op.reduceSum(op.mul(first, direction)), { W }).W;
    const w = Float64Array.of(0.3, -0.2, 0.7, 0.1, -0.5, 0.9);
    const d = Float64Array.of(1, -2, 0.5, 0.3, 1.1, -0.7);
    const run = (step: number) =>
      evaluateGraph(
        { W, direction },
        { first, second },
        {
          W: tensor(
            "float64",
            [3, 2],
            w.map((v, i) => v + step * d[i]!),
          ),
          direction: tensor("float64", [3, 2], d),
        },
      );
    const [plus, minus, here] = [await run(1e-5), await run(-1e-5), await run(0)];
    for (const [i, value] of numbers(here.second!.data).entries())
      expect(value).toBeCloseTo((Number(plus.first!.data[i]) - Number(minus.first!.data[i])) / 2e-5, 8);
  });
});

describe("what has no gradient says so", () => {
  const vector = op.input("float64", [4]);
  test.each<[string, () => unknown, typeof GradientError | typeof ShapeError, string]>([
    [
      "a parameter that is not used",
      () => gradients(op.mul(x, x), { x, bias: vector }),
      GradientError,
      'gradients: the loss does not depend on "bias" [4]; leave it out, or look for a stopGradient or a constant op on the way',
    ],
    ["a stopGradient", () => gradients(stopGradient(op.mul(x, x)), { x }), GradientError, 'does not depend on "x" []'],
    [
      "a constant op",
      () => gradients(op.cast(op.greater(x, 0), "float64"), { x }),
      GradientError,
      'does not depend on "x" []',
    ],
    [
      "integers",
      () => gradients(op.cast(op.cast(x, "int64"), "float64"), { x }),
      GradientError,
      'does not depend on "x" []',
    ],
    [
      "a loss that is no scalar",
      () => gradients(vector, { vector }),
      ShapeError,
      "gradients: the loss must be a scalar, got [4]; reduce it first",
    ],
    [
      "columns gathered",
      () => gradients(op.reduceSum(op.gather(op.unsqueeze(vector, [0]), op.ints(0), 1)), { vector }),
      GradientError,
      "Gather: a gradient is defined for whole rows (axis 0, a list of indices) only",
    ],
    [
      "single entries scattered with scatterND",
      () =>
        gradients(
          op.reduceSum(
            op.scatterND(
              op.unsqueeze(vector, [0]),
              op.unsqueeze(op.ints(0, 0), [0]),
              op.constant(tensor("float64", [1], Float64Array.of(1))),
            ),
          ),
          { vector },
        ),
      GradientError,
      "ScatterND: a gradient is defined for whole rows (indices [rows, 1]) only",
    ],
    [
      "parts of unknown size",
      () =>
        gradients(
          op.reduceSum(op.concat([op.slice(vector, { axis: 0, from: op.ints(0), to: op.shape(vector) }), vector], 0)),
          { vector },
        ),
      GradientError,
      "Concat: part 0 has no known size along axis 0; put it last",
    ],
  ])("%s", (_, build, kind, message) => {
    expect(build).toThrow(kind);
    expect(build).toThrow(message);
  });

  test("Log and Sqrt at zero are infinite, as in numpy; Relu, Abs and Max are what their rules say", async () => {
    const value = async (f: (x: V) => V) => (await at({ d: gradients(f(x), { x }).x }, [0, 0])).d;
    expect(await value(op.log)).toBe(Number.POSITIVE_INFINITY);
    expect(await value(op.sqrt)).toBe(Number.POSITIVE_INFINITY);
    expect(await value(op.relu)).toBe(0);
    expect(await value(op.abs)).toBe(0);
    expect(await value((x) => op.max(x, y))).toBe(0.5);
    expect(await value((x) => op.min(x, y))).toBe(0.5);
  });

  test("winners of ReduceMax share the cotangent", async () => {
    const loss = op.reduceMax(vector);
    const feeds = { vector: tensor("float64", [4], Float64Array.of(1, 7, 7, 2)) };
    const { d } = await evaluateGraph({ vector }, { d: gradients(loss, { vector }).vector }, feeds);
    expect(numbers(d!.data)).toEqual([0, 0.5, 0.5, 0]);
  });
});

describe("stopGradient", () => {
  test("is the value, with one way less to it", async () => {
    const loss = op.mul(x, stopGradient(op.mul(x, y)));
    expect(await at({ loss, dx: gradients(loss, { x }).x })).toEqual({ loss: 45, dx: 15 });
  });
});

describe("customGradient", () => {
  test("several inputs and outputs; null for the outputs nobody uses", async () => {
    const seen: unknown[] = [];
    const [sum, product] = customGradient(
      [x, y],
      (a, b) => [op.add(a, b), op.mul(a, b)] as const,
      ([dSum, dProduct]) => {
        seen.push([dSum === null, dProduct === null]);
        return [dSum ? op.mul(dSum, 10) : null, dProduct ? op.mul(dProduct, 100) : null];
      },
    );
    const both = gradients(op.add(sum, op.mul(product, 2)), { x, y });
    expect(await at({ sum, product, ...{ dx: both.x, dy: both.y } })).toEqual({ sum: 8, product: 15, dx: 10, dy: 200 });
    expect(await at({ dx: gradients(sum, { x }).x })).toEqual({ dx: 10 });
    expect(seen).toEqual([
      [false, false],
      [false, true],
    ]);
    expect(() => gradients(sum, { y })).toThrow('does not depend on "y"');
  });

  test("nothing flows into what the forward part only closes over", () => {
    const [z] = customGradient(
      [x],
      (a) => [op.mul(a, y)] as const,
      ([dz]) => [dz],
    );
    expect(() => gradients(z, { y })).toThrow(GradientError);
  });

  test("one inside another: the outer one's gradient counts", async () => {
    const inner = (a: V) =>
      customGradient(
        [a],
        (b) => [op.neg(b)] as const,
        ([d]) => [op.mul(d!, 7)],
      )[0] as V;
    const [outer] = customGradient(
      [x],
      (a) => [inner(a as V)] as const,
      ([d]) => [op.mul(d!, 3)],
    );
    expect(await at({ outer, d: gradients(outer as V, { x }).x, i: gradients(inner(x), { x }).x })).toEqual({
      outer: -3,
      d: 3,
      i: 7,
    });
  });

  test("its own gradient is right where the backward part uses the outputs", async () => {
    // y = e^x written with dy/dx = y: every derivative is e^x.
    const [z] = customGradient(
      [x],
      (a) => [op.exp(a)] as const,
      ([d], [out]) => [op.mul(d!, out)],
    );
    const first = gradients(z as V, { x }).x;
    const second = gradients(first, { x }).x;
    const found = await at({ z: z as V, first, second }, [0.5, 0]);
    for (const value of Object.values(found)) expect(value).toBeCloseTo(Math.exp(0.5), 12);
  });

  test("a backward part that gives too few, or the wrong shape, is refused", () => {
    const few = customGradient([x, y], (a, b) => [op.add(a, b)] as const, (([d]: [V]) => [d]) as never)[0] as V;
    expect(() => gradients(few, { x })).toThrow(
      "customGradient: its backward gives 1 cotangents for 2 inputs; use null where none flows",
    );
    const vector = op.input("float64", [4]);
    const wide = customGradient(
      [vector],
      (a) => [op.reduceSum(a)] as const,
      ([d]) => [d],
    )[0] as V;
    expect(() => gradients(wide, { vector })).toThrow(
      "gradients: a cotangent and the input 1 of customGradient: [] and [4] must be the same shape",
    );
  });
});

describe("gradients and loops", () => {
  test("inside the body: gradient descent on (x - y)^2", async () => {
    const { state, outputs } = loop({
      trips: op.scalarOf("int64", 4),
      state: { x },
      body: (_, { x }) => {
        const loss = op.pow(op.sub(x, y), 2);
        return { state: { x: op.sub(x, op.mul(gradients(loss, { x }).x, 0.25)) }, outputs: { loss } };
      },
    });
    const results = await evaluateGraph({ x, y }, { last: state.x, losses: outputs.loss }, { x: f64(3), y: f64(5) });
    // Each step halves the distance.
    expect(numbers(results.last!.data)).toEqual([5 - 2 / 16]);
    expect(numbers(results.losses!.data)).toEqual([4, 1, 0.25, 0.0625]);
  });

  test("inside the body, of a value made outside it", async () => {
    const outside = op.mul(x, x);
    const { outputs } = loop({
      trips: op.scalarOf("int64", 2),
      state: {},
      body: () => ({ state: {}, outputs: { d: gradients(op.mul(outside, y), { x }).x } }),
    });
    const { d } = await evaluateGraph({ x, y }, { d: outputs.d }, { x: f64(3), y: f64(5) });
    expect(numbers(d!.data)).toEqual([30, 30]);
  });

  test("from outside they are refused, also for what the body only captures", () => {
    const { state } = loop({
      trips: op.scalarOf("int64", 2),
      state: { sum: op.scalarOf("float64", 0) },
      body: (_, { sum }) => ({ state: { sum: op.add(sum, op.mul(x, x)) }, outputs: {} }),
    });
    expect(() => gradients(state.sum, { x })).toThrow(
      "gradients: no gradient is defined through Loop; take it inside the body",
    );
    expect(gradients(op.add(stopGradient(state.sum), op.mul(x, x)), { x }).x.shape).toEqual([]);
  });
});
