import { describe, expect, test } from "vitest";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import {
  dataPartsOf,
  externalLocations,
  joinExternalData,
  splitExternalData,
  weightBytes,
} from "../../src/onnx/external.ts";
import { decodeModel, encodeModel, packModel } from "../../src/onnx/model.ts";
import type { Graph, Model, TensorProto } from "../../src/onnx/proto.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { wasm } from "../../src/runtime/web.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { tensor } from "../../src/util/tensor.ts";
import { sample } from "./sample.ts";

const x = op.input("float32", ["batch", 300]);
const matrix = (rows: number, seed: number) =>
  op.constant(
    tensor(
      "float32",
      [rows, 300],
      Float32Array.from({ length: rows * 300 }, (_, i) => Math.sin(i + seed)),
    ),
    `W_${seed}`,
  );
const two = () =>
  buildModel({
    inputs: { x },
    outputs: { a: op.gemm(x, matrix(5, 1), { transB: true }), b: op.gemm(x, matrix(7, 2), { transB: true }) },
  });
const feeds = {
  x: tensor(
    "float32",
    [2, 300],
    Float32Array.from({ length: 600 }, (_, i) => Math.cos(i)),
  ),
};

describe("weights in a file of their own", () => {
  test("split and join give the same model; offsets are aligned; small constants stay", () => {
    const { model, parts } = splitExternalData(sample(), "weights.data");
    expect(parts.map(({ offset, bytes }) => [offset, bytes.length])).toEqual([[0, 1200]]);
    expect(externalLocations(model, "x.onnx")).toEqual(["weights.data"]);
    const back = joinExternalData(
      decodeModel(encodeModel(model), "x.onnx"),
      new Map([["weights.data", parts[0]!.bytes]]),
      "x.onnx",
    );
    expect(Buffer.compare(Buffer.from(encodeModel(back)), Buffer.from(encodeModel(sample())))).toBe(0);
  });

  test("splitting leaves the model given as it was", () => {
    const model = two();
    const before = Uint8Array.from(encodeModel(model));
    splitExternalData(model, "w");
    expect(Uint8Array.from(encodeModel(model))).toEqual(before);
  });

  test.each([cpu, wasm])("packModel past its limit: $provider gives the same outputs", async (runtime) => {
    const run = async (limit: number) => {
      const packed = packModel(two(), { dataFile: "big.data", limit });
      const session = await runtime.open(packed);
      const results = await session.run(feeds);
      await session.release();
      return { packed, results };
    };
    const [outside, inside] = [await run(100), await run(1e9)];
    expect(outside.packed.external.map(({ path, data }) => [path, data.length])).toEqual([
      ["big.data", 8192 + 7 * 1200],
    ]);
    expect(outside.packed.bytes.length).toBeLessThan(2000);
    expect(outside.results).toEqual(inside.results);
  });

  test("at the limit exactly, and with nothing large enough to move, it stays in one piece", () => {
    expect(packModel(two(), { limit: weightBytes(two()) }).external).toEqual([]);
    const small = buildModel({ inputs: { x }, outputs: { y: op.mul(x, 2) } });
    expect(packModel(small, { limit: 1 }).external).toEqual([]);
  });
});

describe("what a model says about its files is not trusted", () => {
  const W = { name: "W", dataType: 1, dims: [4], dataLocation: 1 };
  const entries = (values: Record<string, string>) => Object.entries(values).map(([key, value]) => ({ key, value }));
  const withTensor = (initializer: TensorProto): Model => ({ graph: { initializer: [initializer] } });
  const located = (location: string) => withTensor({ ...W, externalData: entries({ location }) });

  test.each(["../secret", "/etc/passwd", "a/b", "a\\b", "C:\\x", "C:x", "..", ".", "", "a\0b"])(
    "location %j is refused",
    (location) => {
      expect(() => externalLocations(located(location), "m.onnx")).toThrow(ConfigError);
      expect(() => externalLocations(located(location), "m.onnx")).toThrow(
        /^m\.onnx: external data at ".*": only a file name in the model's own folder is read$/s,
      );
    },
  );

  test("no location is refused; a file name is read once", () => {
    expect(() => externalLocations(withTensor(W), "m.onnx")).toThrow('external data at ""');
    expect(
      externalLocations(
        { graph: { initializer: [W, W].map((one) => ({ ...one, externalData: entries({ location: "m.data" }) })) } },
        "m.onnx",
      ),
    ).toEqual(["m.data"]);
  });

  test("./ before a file name says nothing, and a colon within one is a letter", () => {
    for (const [location, name] of [
      ["./m.data", "m.data"],
      ["././m.data", "m.data"],
      ["layers:0.data", "layers:0.data"],
    ] as const) {
      expect(externalLocations(located(location), "m.onnx")).toEqual([name]);
      expect(dataPartsOf(located(location), "m.onnx")).toMatchObject([{ location: name }]);
      const { graph } = joinExternalData(located(location), new Map([[name, new Uint8Array(16)]]), "m.onnx");
      expect(graph!.initializer![0]!.rawData).toHaveLength(16);
    }
    expect(dataPartsOf(located("a/./b"), "m.onnx")).toMatchObject([{ location: "a/b" }]);
  });

  test.each([
    "../secret",
    "/etc/passwd",
    "a/../../b",
    "a\\b",
    "C:\\x",
    "C:x",
    "./C:x",
    "./",
    "./..",
    "",
    "a\0b",
    "a//b",
  ])("attach follows no location %j", (location) => {
    expect(() => dataPartsOf(located(location), "m.onnx")).toThrow(/only paths inside the model's own folder/);
  });

  const outside = { ...W, externalData: entries({ location: "../secret" }) };
  const sparse = { values: { name: "S", dims: [1] }, indices: outside };
  const inBody = (g: Graph): Model => ({ graph: { node: [{ attribute: [{ name: "body", g }] }] } });
  test.each<[string, Model]>([
    ["sparse initializer", { graph: { sparseInitializer: [sparse] } }],
    ["sparse initializer of a body", inBody({ sparseInitializer: [sparse] })],
    ["initializer of a body", inBody({ initializer: [outside] })],
    ["sparse attribute", { graph: { node: [{ attribute: [{ sparseTensor: sparse }] }] } }],
    ["list of sparse attributes", { graph: { node: [{ attribute: [{ sparseTensors: [sparse] }] }] } }],
    ["function", { functions: [{ node: [{ attribute: [{ t: outside }] }] }] }],
    ["graph of training", { trainingInfo: [{ algorithm: { initializer: [outside] } }] }],
  ])("an external tensor in a %s is looked at", (_, model) => {
    expect(() => dataPartsOf(model, "m.onnx")).toThrow('m.onnx: external data at "../secret": only paths inside');
    expect(() => externalLocations(model, "m.onnx")).toThrow(/has external data; only initializers of the main graph/);
  });

  test("external tensors inside nodes and bodies are refused", () => {
    const node = {
      attribute: [
        {
          name: "body",
          g: {
            node: [{ attribute: [{ name: "value", t: { ...W, externalData: entries({ location: "/etc/passwd" }) } }] }],
          },
        },
      ],
    };
    expect(() => externalLocations({ graph: { node: [node] } }, "m.onnx")).toThrow(
      "m.onnx: tensor W inside a node has external data",
    );
  });

  test.each([
    ["a file that is not given", { location: "other" }],
    ["a place past the end", { location: "m.data", offset: "4", length: "16" }],
    ["a negative place", { location: "m.data", offset: "-4", length: "8" }],
    ["a negative length", { location: "m.data", length: "-1" }],
    ["half a byte", { location: "m.data", offset: "0.5", length: "8" }],
    ["no number", { location: "m.data", offset: "x" }],
    ["an offset past the end", { location: "m.data", offset: "99" }],
  ])("%s is refused", (_, values) => {
    const join = () =>
      joinExternalData(
        withTensor({ ...W, externalData: entries(values) }),
        new Map([["m.data", new Uint8Array(16)]]),
        "m.onnx",
      );
    expect(join).toThrow(ConfigError);
    expect(join).toThrow(/^m\.onnx: tensor W: bytes .* are missing$/);
  });

  test("the rest of the file is read where no length is said", () => {
    const model = joinExternalData(
      withTensor({ ...W, externalData: entries({ location: "m.data", offset: "8" }) }),
      new Map([["m.data", new Uint8Array(24)]]),
      "m.onnx",
    );
    expect(model.graph!.initializer![0]!.rawData).toHaveLength(16);
  });
});
