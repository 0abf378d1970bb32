import { describe, expect, test } from "vitest";
import { buildModel } from "../../src/graph/build.ts";
import { cond, loop, scan } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import { scope, type Value } from "../../src/graph/value.ts";
import { evaluateGraph, numbers } from "../run.ts";
import { bodies, type Example } from "./bodies.ts";

const once = op.scalarOf("int64", 1);
const x = op.input("float32", [2]);
const flag = op.input("bool", []);

describe("bodies run on ONNX Runtime", () => {
  test.each(Object.entries(bodies) as [string, () => Example][])("%s", async (_, build) => {
    const { inputs, outputs, feeds, expected } = build();
    const results = await evaluateGraph(inputs, outputs, feeds);
    for (const [name, { dims, data }] of Object.entries(expected)) {
      expect({ name, dims: results[name]!.dims, data: numbers(results[name]!.data) }).toEqual({ name, dims, data });
      // What was inferred, where it says a size, is what came.
      const { shape } = outputs[name]!;
      expect(shape.map((dim, i) => (typeof dim === "number" ? dim : dims[i]))).toEqual(dims);
    }
  });
});

describe("what a body may give back", () => {
  const looped = (after: Record<string, Value>, outputs: Record<string, Value> = {}) =>
    loop({ trips: once, state: { x } as Record<string, Value>, body: () => ({ state: after, outputs }) });

  test.each([
    ["nothing for a carried value", () => looped({}), 'Loop: the body gives back no "x"; return every carried value'],
    [
      "a value that is not carried",
      () => looped({ x, y: x }),
      'Loop: the body gives back "y", which is not carried; make it an output?',
    ],
    ["another type", () => looped({ x: op.cast(x, "int32") }), 'Loop: "x" goes in as float32 and comes back as int32'],
    [
      "another shape",
      () => looped({ x: op.concat([x, x], 0) }),
      'Loop: "x" goes in and comes back: [2] and [4] must be the same shape',
    ],
    ["another rank", () => looped({ x: op.unsqueeze(x, [0]) }), "[2] and [1, 2] must be the same shape"],
    [
      "a shape that may grow",
      () => looped({ x: op.squeeze(op.gather(op.unsqueeze(x, [1]), op.squeeze(op.nonZero(x), [0])), [1]) }),
      'Loop: "x" goes in as [2] and comes back as [?], which may be larger; reshape it, or let it go in as "?"',
    ],
    [
      "nothing to scan",
      () => scan({ state: {}, over: {}, body: () => ({ state: {}, outputs: {} }) }),
      "Scan: it needs at least one value to run over",
    ],
    [
      "a scalar to scan",
      () => scan({ state: {}, over: { y: op.input("float32", []) }, body: () => ({ state: {}, outputs: {} }) }),
      "Scan: it needs at least one value to run over, with a first axis",
    ],
    [
      "branches of other types",
      () =>
        cond<Record<string, Value>>(
          flag,
          () => ({ y: x }),
          () => ({ y: op.cast(x, "int32") }),
        ),
      'If: "y" is float32 [2] in one branch and int32 in the other',
    ],
    [
      "a branch without a value",
      () =>
        cond<Record<string, Value>>(
          flag,
          () => ({ y: x }),
          () => ({}),
        ),
      'If: "y" is float32 [2] in one branch and missing in the other',
    ],
    [
      "a first branch without a value",
      () =>
        cond<Record<string, Value>>(
          flag,
          () => ({}),
          () => ({ y: x }),
        ),
      'If: "y" is missing in the first branch; give it in both',
    ],
    [
      "branches of other ranks",
      () =>
        cond(
          flag,
          () => ({ y: x }),
          () => ({ y: op.reduceSum(x) }),
        ),
      "If: branches give [2] and []; they need one rank",
    ],
  ])("%s is an error", (_, build, message) => expect(build).toThrow(message));

  test("branches that give other sizes give an unknown one", () => {
    expect(
      cond(
        flag,
        () => ({ y: x }),
        () => ({ y: op.slice(x, { axis: 0, to: 1 }) }),
      ).y.shape,
    ).toEqual(["?"]);
  });
});

describe("values stay inside the body they were made in", () => {
  const escapee = (): Value<"float32"> => {
    const escaped: Value<"float32">[] = [];
    const body = (_: Value, { x }: { x: Value<"float32"> }) => {
      escaped.push(op.neg(x));
      return { state: { x }, outputs: {} };
    };
    loop({ trips: once, state: { x }, body });
    return escaped[0]!;
  };

  test("an op outside cannot read them", () => {
    expect(() => op.add(x, escapee())).toThrow(
      "Add: an input was made inside a Loop's body, which has ended; return it from the body",
    );
  });

  test("a model cannot give them, nor take them as inputs", () => {
    const inner = escapee();
    expect(() => buildModel({ inputs: { x }, outputs: { inner } })).toThrow(
      'buildModel: "inner" was made inside a Loop\'s body',
    );
    expect(() => buildModel({ inputs: { inner: inner.node.inputs[0]! }, outputs: { x } })).toThrow(
      '"inner" was made inside',
    );
  });

  test("another body cannot give them back", () => {
    const inner = escapee();
    expect(() => loop({ trips: once, state: { x }, body: () => ({ state: { x: inner }, outputs: {} }) })).toThrow(
      'Loop: "x" was made inside a Loop\'s body',
    );
    expect(() =>
      cond(
        flag,
        () => ({ y: inner }),
        () => ({ y: x }),
      ),
    ).toThrow('If: "y" was made inside a Loop\'s body');
  });

  test("one branch cannot read the other's", () => {
    const first: Value<"float32">[] = [];
    const then = () => {
      first.push(op.neg(x));
      return { y: x };
    };
    const build = () => cond(flag, then, () => ({ y: op.neg(first[0]!) }));
    expect(build).toThrow("Neg: an input was made inside an If's first branch, which has ended");
  });

  test("an error inside a body leaves no trace", () => {
    const build = () =>
      scope("outer", () =>
        loop({
          trips: once,
          state: { x },
          body: () => {
            throw new Error("stop");
          },
        }),
      );
    expect(build).toThrow("stop");
    expect(op.neg(x).node).toMatchObject({ scope: "", frame: null });
  });
});
