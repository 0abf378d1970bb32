import { describe, expect, test } from "vitest";
import { buildModel, type ModelDraft } from "../../src/graph/build.ts";
import { loop } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import { chainModels } from "../../src/onnx/chain.ts";
import { metadataOf, packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { scalar, tensor } from "../../src/util/tensor.ts";
import { numbers } from "../run.ts";

const f32 = (...data: number[]) => tensor("float32", [data.length], Float32Array.from(data));

/** `y = 2 |x|`, `z = -x`, with a parameter named as a value of the second model is. */
function front() {
  const x = op.input("float32", ["n"]);
  const y = op.mul(op.abs(x), op.constant(f32(2), "const_0"));
  return buildModel({ name: "front", inputs: { x }, outputs: { y, z: op.neg(x) }, metadata: { from: "front" } });
}

/** `sum(|y + x| + shift)`. */
function back(change: Partial<ModelDraft> = {}) {
  const [x, y] = [op.input("float32", ["n"]), op.input("float32", ["n"])];
  const shift = op.input("float32", []);
  const total = op.reduceSum(op.add(op.mul(op.abs(op.add(x, y)), 1), shift));
  return buildModel({
    name: "back",
    inputs: { y, x, shift },
    outputs: { total },
    metadata: { from: "back" },
    ...change,
  });
}

describe("one model after another", () => {
  test("reads the first's inputs and outputs; what it has not becomes an input", async () => {
    const whole = chainModels(front(), back(), "metrics");
    const session = await cpu.open(packModel(whole));
    expect([session.inputNames, session.outputNames]).toEqual([["x", "shift"], ["total"]]);
    const { total } = await session.run({ x: f32(1, -2), shift: scalar(10) });
    // |2 + 1| + |4 - 2| + 2 * 10
    expect(numbers(total!.data)).toEqual([25]);
    expect(metadataOf(whole)).toEqual({ from: "front" });
    await session.release();
  });

  test("every name is there once", () => {
    const { graph } = chainModels(front(), back(), "metrics");
    const values = [...graph!.input!, ...graph!.initializer!]
      .map(({ name }) => name!)
      .concat(graph!.node!.flatMap(({ output }) => output!));
    expect(values).toContain("metrics/const_0");
    expect(new Set(values).size).toBe(values.length);
  });

  test("leaves both models as they were", () => {
    const [first, second] = [front(), back()];
    const before = JSON.stringify([first, second]);
    chainModels(first, second, "metrics");
    expect(JSON.stringify([first, second])).toBe(before);
  });

  const x = op.input("float32", ["n"]);
  const looped = () =>
    loop({
      trips: op.scalarOf("int64", 1),
      state: { x },
      body: (_, { x }) => ({ state: { x: op.neg(x) }, outputs: {} }),
    }).state.x;
  test.each([
    [
      "another opset",
      { ...back(), opsetImport: [{ domain: "", version: 18 }] },
      "chain: the models are of different opsets, ai.onnx 17 and ai.onnx 18",
    ],
    [
      "a body in the second",
      buildModel({ inputs: { x }, outputs: { w: looped() } }),
      "chain: metrics has a Loop, Scan or If, whose body is not renamed; put it first",
    ],
    [
      "an output the first has",
      buildModel({ inputs: { y: x }, outputs: { z: op.abs(x) } }),
      'chain: both models have a value "z"; rename that of metrics',
    ],
    [
      "an input the first has inside",
      buildModel({ inputs: { Abs_0: x }, outputs: { w: op.abs(x) } }),
      'chain: both models have a value "Abs_0"',
    ],
  ])("%s is refused", (_, second, message) => {
    expect(() => chainModels(front(), second, "metrics")).toThrow(ConfigError);
    expect(() => chainModels(front(), second, "metrics")).toThrow(message);
  });
});
