import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeModel, encodeModel, metadataOf, packModel, withMetadata } from "../../src/onnx/model.ts";
import { printModel } from "../../src/onnx/print.ts";
import { onnx, toNumber } from "../../src/onnx/proto.ts";
import { dataTypes, hostTensor, shapeOf, tensorProto, valueInfo } from "../../src/onnx/tensors.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { type DType, type HostTensor, tensor } from "../../src/util/tensor.ts";
import { sample } from "./sample.ts";

const bytes = Uint8Array.from(encodeModel(sample()));

describe("a model's bytes", () => {
  test("come back as they went: bytes, text, metadata", () => {
    const model = decodeModel(bytes, "sample.onnx");
    expect(Uint8Array.from(encodeModel(model))).toEqual(bytes);
    expect(printModel(model)).toBe(printModel(sample()));
    expect(metadataOf(model)).toEqual({ architecture: "sample", k: "2", note: "ä\n# second line" });
  });

  test("may be a Node Buffer, and anywhere in a larger one", () => {
    const large = Buffer.concat([Buffer.from("abc"), bytes, Buffer.from("abc")]);
    const model = decodeModel(large.subarray(3, 3 + bytes.length), "sample.onnx");
    const W = model.graph!.initializer!.find(({ name }) => name === "W_enc")!;
    expect(hostTensor(W).data).toEqual(Float32Array.from({ length: 300 }, (_, i) => Math.sin(i)));
  });

  test("say opset 17, IR 8, the default domain, and who wrote them", () => {
    const { irVersion, opsetImport, producerName } = decodeModel(bytes, "sample.onnx");
    expect([toNumber(irVersion), producerName]).toEqual([8, "sae-onnx"]);
    expect(opsetImport!.map(({ domain, version }) => [domain, toNumber(version)])).toEqual([["", 17]]);
  });

  test("have their metadata sorted by key, whatever the order given", () => {
    const keys = (metadata: Record<string, string>) => withMetadata({}, metadata).metadataProps!.map(({ key }) => key);
    expect(keys({ b: "2", a: "1", B: "3" })).toEqual(["B", "a", "b"]);
    expect(keys({ B: "3", a: "1", b: "2" })).toEqual(["B", "a", "b"]);
  });

  test.each([
    ["nothing", new Uint8Array()],
    ["zeros", new Uint8Array(64)],
    ["text", new TextEncoder().encode("<svg></svg>")],
    ["a zip file", Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0)],
    ["half a model", bytes.subarray(0, bytes.length / 2)],
    ["a model without a graph", onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ version: 17 }] }).finish()],
  ])("%s is no model", (_, wrong) => {
    expect(() => decodeModel(wrong, "folder/x.onnx")).toThrow(ConfigError);
    expect(() => decodeModel(wrong, "folder/x.onnx")).toThrow(/^folder\/x\.onnx: not an ONNX model \(.*\.onnx file\?$/);
  });

  test("changed at random, they are read, or refused in one line", () => {
    const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
    const cut = fc.option(fc.nat(bytes.length), { freq: 3 });
    let [read, refused] = [0, 0];
    const property = fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), cut, (changes, end) => {
      const mutant = bytes.slice(0, end ?? bytes.length);
      for (const { at, to } of changes) if (at < mutant.length) mutant[at] = to;
      try {
        const model = decodeModel(mutant, "x.onnx");
        read++;
        printModel(model);
        for (const one of model.graph!.initializer ?? []) hostTensor(one);
      } catch (error) {
        refused++;
        expect(error).toBeInstanceOf(ConfigError);
        expect((error as Error).message.split("\n")).toHaveLength(1);
      }
    });
    fc.assert(property, { seed: 9, numRuns: 2000 });
    expect([read > 100, refused > 100]).toEqual([true, true]);
  });
});

describe("tensors", () => {
  const tensors: Record<DType, HostTensor> = {
    float32: tensor("float32", [3], Float32Array.of(Number.NaN, -0, 1e-45)),
    float64: tensor("float64", [1, 2], Float64Array.of(Number.MIN_VALUE, 1 / 3)),
    float16: tensor("float16", [2], Uint16Array.of(0x3c00, 0xfc00)),
    int32: tensor("int32", [], Int32Array.of(-(2 ** 31))),
    int64: tensor("int64", [2], BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n)),
    int8: tensor("int8", [3], Int8Array.of(-128, 0, 127)),
    bool: tensor("bool", [2], Uint8Array.of(1, 0)),
  };
  const through = (value: HostTensor) =>
    onnx.TensorProto.decode(new Uint8Array(onnx.TensorProto.encode(tensorProto("t", value)).finish()));

  test.each(Object.entries(tensors))("%s comes back bit for bit", (_, value) => {
    expect(hostTensor(through(value))).toEqual(value);
  });

  test("no rows come back as no rows", () => {
    const none = tensor("float32", [0, 4], new Float32Array());
    expect(hostTensor(through(none))).toEqual(none);
  });

  test("the typed fields of other writers are read", () => {
    const read = (fields: object) =>
      hostTensor(onnx.TensorProto.decode(new Uint8Array(onnx.TensorProto.encode(fields).finish())));
    expect(read({ dataType: 1, dims: [2], floatData: [1, 2] })).toEqual(tensor("float32", [2], Float32Array.of(1, 2)));
    expect(read({ dataType: 7, dims: [1], int64Data: [5] })).toEqual(tensor("int64", [1], BigInt64Array.of(5n)));
    expect(read({ dataType: 9, dims: [2], int32Data: [0, 1] })).toEqual(tensor("bool", [2], Uint8Array.of(0, 1)));
    expect(read({ dataType: 11, dims: [], doubleData: [0.1] })).toEqual(tensor("float64", [], Float64Array.of(0.1)));
    expect(read({ dataType: 10, dims: [1], int32Data: [0x3c00] })).toEqual(
      tensor("float16", [1], Uint16Array.of(0x3c00)),
    );
  });

  test.each([
    [
      "too few bytes",
      { name: "W", dataType: 1, dims: [3], rawData: new Uint8Array(10) },
      "tensor W: float32 [3] needs 3 elements, it has 10 bytes; is the file whole?",
    ],
    [
      "too few numbers",
      { name: "W", dataType: 1, dims: [3], floatData: [1] },
      "tensor W: float32 [3] needs 3 elements, it has 1; is the file whole?",
    ],
    ["no data", { name: "W", dataType: 1, dims: [2, 3] }, "tensor W: float32 [2, 3] needs 6 elements, it has 0"],
    ["another element type", { name: "W", dataType: 8, dims: [1] }, "tensor W: element type string is not supported"],
    [
      "data in another file",
      { name: "W", dataType: 1, dims: [1], dataLocation: 1 },
      "tensor W: its data is in another file; read the model with readModel",
    ],
  ])("%s is refused", (_, proto, message) => {
    expect(() => hostTensor(proto)).toThrow(ConfigError);
    expect(() => hostTensor(proto)).toThrow(message);
  });

  test("the library's trap: a BigInt is silently written as 0", () => {
    const trapped = onnx.TensorProto.decode(onnx.TensorProto.encode({ dims: [5n as never] }).finish());
    expect(trapped.dims.map(toNumber)).toEqual([0]);
    const large = onnx.AttributeProto.decode(onnx.AttributeProto.encode({ i: 2 ** 40 }).finish());
    expect(toNumber(large.i)).toBe(2 ** 40);
  });

  test("declared shapes keep sizes, names and the unknown; 0 is a size", () => {
    const info = valueInfo("x", "int64", ["batch", 0, "?", 512]);
    const back = onnx.ValueInfoProto.decode(onnx.ValueInfoProto.encode(info).finish());
    for (const one of [info, back]) expect(shapeOf(one)).toEqual(["batch", 0, "?", 512]);
    expect(back.type!.tensorType!.elemType).toBe(dataTypes.int64);
    expect(shapeOf({})).toBeUndefined();
  });
});

test("packModel keeps a small model in one piece, and ONNX Runtime opens it", async () => {
  const packed = packModel(sample());
  expect(packed.external).toEqual([]);
  const session = await cpu.open(packed);
  expect(session.outputNames).toEqual(["z", "total", "seen", "rest", "sums"]);
  await session.release();
});
