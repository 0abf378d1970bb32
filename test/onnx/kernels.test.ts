import { expect, test } from "vitest";
import { opset } from "../../src/graph/opset.ts";
import { kernels } from "../../src/onnx/kernels.ts";
import { disagreements } from "./disagreements.ts";

test("the table has every op of the builder", () => {
  expect(Object.keys(kernels).sort()).toEqual(Object.keys(opset).sort());
});

test("cpu has the kernels of the table", async () => expect(await disagreements("cpu")).toEqual([]));
test("wasm has the kernels of the table", async () => expect(await disagreements("wasm")).toEqual([]));
