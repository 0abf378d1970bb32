import { describe, expect, test } from "vitest";
import { buildModel } from "../../src/graph/build.ts";
import { printModel } from "../../src/onnx/print.ts";
import type { Attribute } from "../../src/onnx/proto.ts";
import { bodies } from "../graph/bodies.ts";
import { sample } from "./sample.ts";

describe("models as text", () => {
  test("weights, a Loop, constants and attributes", async () => {
    await expect(printModel(sample())).toMatchFileSnapshot("../golden/graph/sample.txt");
  });

  test("bodies in bodies", async () => {
    await expect(printModel(buildModel(bodies.bodies_in_bodies()))).toMatchFileSnapshot("../golden/graph/bodies.txt");
  });

  test.each<[string, Attribute]>([
    ["alpha=0.5", { name: "alpha", type: 1, f: 0.5 }],
    ["alpha=0", { name: "alpha", type: 1 }],
    ["axis=-1", { name: "axis", type: 2, i: -1 }],
    ['mode=""', { name: "mode", type: 3, s: new Uint8Array() }],
    ['mode="a\\"b"', { name: "mode", type: 3, s: new TextEncoder().encode('a"b') }],
    ["value=float32[2, 3]", { name: "value", type: 4, t: { dataType: 1, dims: [2, 3] } }],
    ["scales=[1, 2.5]", { name: "scales", type: 6, floats: [1, 2.5] }],
    ["axes=[]", { name: "axes", type: 7, ints: [] }],
    ["axes=[0, -1]", { name: "axes", type: 7, ints: [0, -1] }],
    ['keys=["a", "b"]', { name: "keys", type: 8, strings: ["a", "b"].map((s) => new TextEncoder().encode(s)) }],
    ["to=bfloat16", { name: "to", type: 2, i: 16 }],
  ])("attribute %s", (text, attribute) => {
    const node = { opType: "Op", domain: "com.other", input: ["x", ""], output: ["y"], attribute: [attribute] };
    expect(printModel({ graph: { node: [node] } })).toContain(`  y = com.other.Op<${text}>(x, -)\n`);
  });

  test("small constants are written so that no two look the same", () => {
    const text = (...data: number[]) => {
      const rawData = new Uint8Array(Float32Array.from(data).buffer);
      const initializer = [{ name: "c", dataType: 1, dims: [data.length], rawData }];
      const [, literal] = /= Op\((.*)\)/.exec(
        printModel({ graph: { initializer, node: [{ opType: "Op", input: ["c"], output: ["y"] }] } }),
      )!;
      return literal;
    };
    expect(text(0.1, 1 / 3, 1e-8, 0.999, -2, 16777217)).toBe("[0.1, 0.33333334, 1e-8, 0.999, -2, 16777216]");
    expect(text(-0, Number.NaN, Number.POSITIVE_INFINITY)).toBe("[-0, NaN, Infinity]");
    const next = new Float32Array(new Uint32Array([0x3f7fbe77, 0x3f7fbe78, 0x3f7fbe79]).buffer);
    expect(new Set(Array.from(next, (value) => text(value))).size).toBe(3);
    expect(text(...new Array(9).fill(1))).toBe("c");
  });

  test("a model that says nothing is printed too", () => {
    expect(printModel({})).toBe("# ONNX IR 0, opset \ngraph (\n) {\n  return \n}\n");
  });
});
