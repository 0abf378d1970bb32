import { expect, test } from "vitest";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { packModel } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { onlyOutputs } from "../../src/onnx/prune.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { tensor } from "../../src/util/tensor.ts";

/** `sum` of `x` and `y`, and `double`, which needs neither `y` nor the weight. */
function two(): Model {
  const [x, y] = [op.input("float32", [2]), op.input("float32", [2])];
  const weight = op.constant(tensor("float32", [2], Float32Array.of(10, 20)), "weight");
  return buildModel({ inputs: { x, y }, outputs: { sum: op.add(op.mul(x, weight), y), double: op.add(x, x) } });
}

const x = tensor("float32", [2], Float32Array.of(1, 2));

test("one output alone takes the inputs and weights that it needs, and is the same", async () => {
  const { graph } = onlyOutputs(two(), ["double"]);
  expect(graph!.node).toHaveLength(1);
  expect(graph!.initializer).toEqual([]);
  const session = await cpu.open(packModel(onlyOutputs(two(), ["double"])), { threads: 1 });
  expect([session.inputNames, session.outputNames]).toEqual([["x"], ["double"]]);
  const { double } = await session.run({ x });
  expect(Array.from(double!.data as Float32Array)).toEqual([2, 4]);
  await session.release();
});

test("where a node has a body only the outputs go", () => {
  const model = two();
  model.graph!.node![0]!.attribute = [{ name: "body", g: {} }];
  const { graph } = onlyOutputs(model, ["double"]);
  expect(graph!.output!.map(({ name }) => name)).toEqual(["double"]);
  expect(graph!.node).toEqual(model.graph!.node);
  expect(graph!.input).toEqual(model.graph!.input);
});
