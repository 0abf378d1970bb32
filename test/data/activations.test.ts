import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { parseActivations } from "../../src/data/activations.ts";
import { float32ToHalf } from "../../src/data/half.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { type HostTensor, int64s, tensor } from "../../src/util/tensor.ts";
import { complaint, matrix } from "./helpers.ts";

const acts = matrix([1, 2, 3], [4, 5, -6]);
const half = tensor("float16", [2, 3], float32ToHalf(acts.data));
const double = tensor("float64", [2, 3], Float64Array.from(acts.data));
const parse = (tensors: Record<string, HostTensor>, wanted?: string) =>
  parseActivations(writeSafetensors(tensors), "/some/where/a.safetensors", { tensor: wanted });

describe("every format and element type becomes float32", () => {
  const npz = zipSync({ "acts.npy": writeNpy(half), "split.npy": writeNpy(int64s([0, 1])) });
  const cases: Record<string, [Uint8Array, string]> = {
    "safetensors float32": [writeSafetensors({ activations: acts }), "a.safetensors"],
    "safetensors float16": [writeSafetensors({ activations: half }), "A.SAFETENSORS"],
    "safetensors float64": [writeSafetensors({ activations: double }), "a.b.safetensors"],
    "npy float16": [writeNpy(half), "a.npy"],
    "npz float16": [npz, "a.npz"],
  };
  test.each(Object.entries(cases))("%s", (_, [bytes, file]) => {
    const set = parseActivations(bytes, file);
    expect(set.activations).toEqual(acts);
    expect(set.source).toBe(file);
  });

  test("columns of an .npz are read too", () => {
    expect(parseActivations(npz, "a.npz").columns).toEqual({ split: Float64Array.of(0, 1) });
  });
});

test("what train writes beside SAEs is no activations, and is called what it is", () => {
  const moments = { "m.W_enc": acts, "v.W_enc": acts };
  const read = (format: string, tensors: Record<string, HostTensor>, tensor?: string) =>
    parseActivations(writeSafetensors(tensors, { format }), "runs/x.state.safetensors", { tensor });
  expect(complaint(() => read("sae-onnx training state", moments))).toBe(
    "runs/x.state.safetensors: is the state of a training, no activations; the SAE is runs/x.safetensors",
  );
  expect(complaint(() => read("sae-onnx", moments))).toMatch(/is a checkpoint of an SAE, no activations; give/);
  expect(complaint(() => read("sae-onnx parity", moments))).toMatch(/holds verification vectors of a model, no/);
  // A matrix that is named is read from any file.
  expect(read("sae-onnx training state", moments, "v.W_enc").activations).toEqual(acts);
  expect(read("sae-onnx training state", { activations: acts }).activations).toEqual(acts);
});

test("source is the file name without its folder, on any system", () => {
  expect(parse({ activations: acts }).source).toBe("a.safetensors");
  expect(parseActivations(writeNpy(acts), "C:\\data\\b.npy").source).toBe("b.npy");
});

test("metadata comes along", () => {
  const bytes = writeSafetensors({ activations: acts }, { synthetic: "true" });
  expect(parseActivations(bytes, "a.safetensors").metadata).toEqual({ synthetic: "true" });
});

describe("which tensor", () => {
  const other = matrix([7, 8], [9, 10]);
  test("the one asked for, else `activations`, else the only 2-D float tensor", () => {
    expect(parse({ activations: acts, other }, "other").activations).toEqual(other);
    expect(parse({ other, activations: acts }).activations).toEqual(acts);
    expect(parse({ other, ids: tensor("int32", [2, 1], Int32Array.of(1, 2)) }).activations).toEqual(other);
  });

  test("a matrix with the name of a column is not read as one", () => {
    expect(parse({ activations: acts, position: other }, "position").activations).toEqual(other);
  });

  test("errors list what there is", () => {
    expect(complaint(() => parse({ a: acts, b: other }))).toMatch(/--tensor: "a" F32 \[2, 3\]; "b" F32 \[2, 2\]$/);
    expect(complaint(() => parse({ a: acts }, "x"))).toMatch(/no tensor "x"; it has "a" F32 \[2, 3\]$/);
    expect(complaint(() => parse({ a: int64s([1]) }))).toMatch(/no 2-D tensor of floating.*it has "a" I64 \[1\]$/);
    expect(complaint(() => parse({}))).toMatch(/it has nothing$/);
  });
});

describe("columns", () => {
  test("1-D tensors of length rows, of any number type, become float64", () => {
    const { columns } = parse({
      activations: acts,
      layer: int64s([3, 3]),
      weight: tensor("float16", [2], float32ToHalf(Float32Array.of(0.5, -1))),
      flag: tensor("bool", [2], Uint8Array.of(1, 0)),
      mean: tensor("float32", [3], new Float32Array(3)),
    });
    expect(columns).toEqual({
      layer: Float64Array.of(3, 3),
      weight: Float64Array.of(0.5, -1),
      flag: Float64Array.of(1, 0),
    });
  });

  test("a named column of another length or shape is an error", () => {
    const message = complaint(() => parse({ activations: acts, position: int64s([1, 2, 3]) }));
    expect(message).toMatch(/tensor "position": column of shape \[3\], "activations" has 2 rows/);
    const square = tensor("int32", [2, 1], Int32Array.of(1, 2));
    expect(complaint(() => parse({ activations: acts, split: square }))).toMatch(/column of shape \[2, 1\]/);
  });
});

test.each(["layer", "position", "text_id", "token_id"])("a fraction in column %s is an error", (name) => {
  const odd = tensor("float32", [2], Float32Array.of(1, 1.5));
  expect(complaint(() => parse({ activations: acts, [name]: odd }))).toMatch(
    `tensor "${name}": 1.5 at row 1; such a column has whole numbers`,
  );
});

describe("refused", () => {
  const many = (change: (data: Float32Array) => void) => {
    const data = new Float32Array(12).fill(1);
    change(data);
    return { activations: tensor("float32", [4, 3], data) };
  };
  const cases: Record<string, [() => unknown, RegExp]> = {
    "unknown extension": [
      () => parseActivations(new Uint8Array(9), "a.csv"),
      /^a\.csv: unknown extension; .*\.npz, \.npy or \.pt/,
    ],
    "no extension": [() => parseActivations(new Uint8Array(9), "dir.npy/acts"), /unknown extension/],
    "extension of the prototype": [() => parseActivations(new Uint8Array(9), "a.constructor"), /unknown extension/],
    "one dimension": [() => parse({ activations: int64s([1]) }), /shape \[1\], need \[rows, inputDim\]/],
    "three dimensions": [
      () => parse({ activations: tensor("float32", [1, 2, 1], new Float32Array(2)) }),
      /shape \[1, 2, 1\]/,
    ],
    integers: [() => parse({ activations: tensor("int32", [1, 1], Int32Array.of(1)) }), /has type I32/],
    "zero rows": [
      () => parse({ activations: tensor("float32", [0, 3], new Float32Array(0)) }),
      /empty, shape \[0, 3\]/,
    ],
    "zero columns": [
      () => parse({ activations: tensor("float32", [3, 0], new Float32Array(0)) }),
      /empty, shape \[3, 0\]/,
    ],
    NaN: [
      () => parse(many((data) => data.fill(Number.NaN, 5, 9))),
      /NaN at row 1, column 2; 2 of 4 rows affected; drop these rows/,
    ],
    "infinities that cancel": [
      () => parse(many((data) => data.set([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], 9))),
      /Infinity at row 3, column 0; 1 of 4 rows affected/,
    ],
    "half infinity": [
      () => parse({ activations: tensor("float16", [1, 2], Uint16Array.of(0, 0xfc00)) }),
      /-Infinity at row 0, column 1; 1 of 1 rows/,
    ],
    "beyond float32": [
      () => parse({ activations: tensor("float64", [2, 1], Float64Array.of(1, -1e300)) }),
      /-1e\+300 at row 1, column 0 is more than float32 holds; 1 of 2 rows affected; scale/,
    ],
    "double NaN": [
      () => parse({ activations: tensor("float64", [1, 1], Float64Array.of(Number.NaN)) }),
      /NaN at row 0, column 0; 1 of 1 rows affected; drop/,
    ],
  };
  test.each(Object.entries(cases))("%s", (_, [call, message]) => {
    expect(complaint(call)).toMatch(message);
  });

  test("large finite values are not", () => {
    expect(parse(many((data) => data.fill(3.4e38))).activations.data[0]).toBe(Math.fround(3.4e38));
  });
});
