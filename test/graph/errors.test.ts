import { describe, expect, test } from "vitest";
import * as op from "../../src/graph/ops.ts";
import { emit } from "../../src/graph/ops.ts";
import type { Value } from "../../src/graph/value.ts";
import { ShapeError } from "../../src/util/errors.ts";

const f = (...shape: (number | string)[]) => op.input("float32", shape);
const i = (...shape: (number | string)[]) => op.input("int64", shape);
const x = f("batch", 4);
const any = (value: Value) => value as never;

describe("what does not fit is refused at the call, in one line", () => {
  test.each<[string, () => unknown, string]>([
    [
      "broadcast of sizes",
      () => op.add(f(3, 4), f(3, 5)),
      "Add: shapes [3, 4] and [3, 5] do not broadcast: 4 against 5 at axis 1; reshape one, or gather its rows",
    ],
    [
      "broadcast of a name and a size",
      () => op.mul(x, f(8, 1)),
      "Mul: shapes [batch, 4] and [8, 1] do not broadcast: batch against 8 at axis 0",
    ],
    [
      "broadcast of two names",
      () => op.sub(f("a"), f("b")),
      "Sub: shapes [a] and [b] do not broadcast: a against b at axis 0",
    ],
    [
      "broadcast of a condition",
      () => op.where(op.greater(f(2), 0), f(3), 0),
      "Where: shapes [2] and [3] do not broadcast",
    ],
    ["two numbers", () => op.add(1 as never, 2 as never), "Add: at least one operand must be a value, got 1 and 2"],
    [
      "two types",
      () => op.add(f(2), any(op.input("float64", [2]))),
      "Add: element types differ, float32 and float64; cast one of them",
    ],
    [
      "two types in gemm",
      () => op.gemm(f(2, 2), any(op.input("float64", [2, 2]))),
      "Gemm: element types differ, float32 and float64",
    ],
    ["two types in concat", () => op.concat([f(2), any(i(2))], 0), "Concat: element types differ, float32 and int64"],
    [
      "two types in scatterElements",
      () => op.scatterElements(f(2), i(1), any(i(1))),
      "ScatterElements: element types differ, float32 and int64",
    ],
    [
      "two types in scatterND",
      () => op.scatterND(f(2), i(1, 1), any(i(1))),
      "ScatterND: element types differ, float32 and int64",
    ],
    ["half an index", () => op.topK(x, 1.5), "an integer is needed, got 1.5; round it?"],
    ["half an int64", () => op.add(i(2), 0.5), "an integer is needed, got 0.5; round it?"],
    [
      "matMul of a vector",
      () => op.matMul(x, f(4)),
      "MatMul: [batch, 4] times [4]: both need two dims or more; reshape one?",
    ],
    [
      "matMul of inner sizes",
      () => op.matMul(x, f(5, 4)),
      "MatMul: inner sizes differ, [batch, 4] times [5, 4]; transpose one of them?",
    ],
    ["matMul of batches", () => op.matMul(f(2, 3, 4), f(3, 4, 5)), "MatMul: shapes [2] and [3] do not broadcast"],
    [
      "gemm of three dims",
      () => op.gemm(f(2, 3, 4), f(4, 5)),
      "Gemm: [2, 3, 4] times [4, 5]: both need exactly two dims; use matMul?",
    ],
    ["gemm of inner sizes", () => op.gemm(x, f(5, 4)), "Gemm: inner sizes differ, 4 and 5, in [batch, 4] times [5, 4]"],
    [
      "gemm of inner sizes, transposed",
      () => op.gemm(x, f(4, 5), { transA: true }),
      "Gemm: inner sizes differ, batch and 4",
    ],
    ["gemm's bias", () => op.gemm(x, f(4, 5), { bias: f(4) }), "Gemm: shapes [4] and [batch, 5] do not broadcast"],
    [
      "gemm's bias, too large",
      () => op.gemm(f(1, 4), f(4, 5), { bias: f(3, 5) }),
      "Gemm: the bias, broadcast, and the product: [3, 5] and [1, 5] must be the same shape",
    ],
    [
      "transpose twice to one place",
      () => op.transpose(x, [0, 0]),
      "Transpose: [0, 0] is no order of the axes of [batch, 4]",
    ],
    ["transpose of too few axes", () => op.transpose(x, [0]), "Transpose: [0] is no order of the axes of [batch, 4]"],
    ["transpose of a negative axis", () => op.transpose(x, [0, -1]), "Transpose: [0, -1] is no order"],
    ["topK of none", () => op.topK(x, 0), "TopK: k must be from 1 to 4, the size of axis 1 of [batch, 4], got 0"],
    ["topK of too many", () => op.topK(x, 5), "TopK: k must be from 1 to 4, the size of axis 1 of [batch, 4], got 5"],
    ["topK of a scalar", () => op.topK(f(), 1), "TopK: axis -1 is not an axis of []"],
    ["an axis too far", () => op.gather(x, i(2), 2), "Gather: axis 2 is not an axis of [batch, 4]"],
    ["an axis too far from the end", () => op.softmax(x, -3), "Softmax: axis -3 is not an axis of [batch, 4]"],
    ["half an axis", () => op.cumSum(x, 0.5), "CumSum: axis 0.5 is not an axis of [batch, 4]"],
    [
      "ranks of gatherElements",
      () => op.gatherElements(x, i("batch")),
      "GatherElements: data [batch, 4] and indices [batch] need the same rank",
    ],
    [
      "indices past the data",
      () => op.gatherElements(f(3, 4), i(5, 2)),
      "GatherElements: indices [5, 2] reach past data [3, 4] off axis 1",
    ],
    [
      "ranks of scatterElements",
      () => op.scatterElements(x, i(4), f(4)),
      "ScatterElements: data [batch, 4] and indices [4] need the same rank",
    ],
    [
      "updates of scatterElements",
      () => op.scatterElements(x, i("batch", 2), f("batch", 3)),
      "ScatterElements: indices and updates: [batch, 2] and [batch, 3] must be the same shape",
    ],
    [
      "depth of scatterND",
      () => op.scatterND(x, i(5, 3), f(5)),
      "ScatterND: the last dim of indices [5, 3] must be from 1 to the rank of [batch, 4]",
    ],
    [
      "no depth of scatterND",
      () => op.scatterND(x, i(5, 0), f(5, "batch", 4)),
      "ScatterND: the last dim of indices [5, 0] must be from 1",
    ],
    [
      "scalar indices of scatterND",
      () => op.scatterND(x, i(), f()),
      "ScatterND: the last dim of indices [] must be from 1",
    ],
    [
      "updates of scatterND",
      () => op.scatterND(x, i(5, 1), f(5, 3)),
      "ScatterND: updates and the places named: [5, 3] and [5, 4] must be the same shape",
    ],
    ["an axis of a reduction", () => op.reduceSum(x, { axes: [2] }), "ReduceSum: axis 2 is not an axis of [batch, 4]"],
    [
      "an axis of a reduction, twice",
      () => op.reduceMean(x, { axes: [1, -1] }),
      "ReduceMean: axes [1, -1] name an axis of [batch, 4] twice",
    ],
    [
      "reshape to another count",
      () => op.reshape(f(3, 4), [5, 2]),
      "Reshape: [3, 4] to [5, 2]: 12 elements do not fit",
    ],
    [
      "reshape with a rest that is none",
      () => op.reshape(f(3, 4), [5, -1]),
      "Reshape: [3, 4] to [5, -1]: 12 elements do not fit",
    ],
    ["reshape that keeps a name", () => op.reshape(x, [0, 3]), "Reshape: [batch, 4] to [0, 3]: 4 elements do not fit"],
    [
      "reshape with two rests",
      () => op.reshape(x, [-1, -1]),
      "Reshape: [batch, 4] to [-1, -1]: sizes are 0 (as before) or more, and one may be -1",
    ],
    [
      "reshape to a negative size",
      () => op.reshape(x, [-2]),
      "Reshape: [batch, 4] to [-2]: sizes are 0 (as before) or more",
    ],
    [
      "reshape that keeps what is not there",
      () => op.reshape(f(4), [4, 0]),
      "Reshape: [4] to [4, 0]: 0 keeps a dim, and there is none at its place",
    ],
    [
      "reshape to an unknown rank",
      () => op.reshape(x, i("rank")),
      "Reshape: the shape asked for is [rank], so its rank is unknown; give it a fixed length",
    ],
    ["expand to a smaller shape", () => op.expand(x, [3]), "Expand: shapes [batch, 4] and [3] do not broadcast"],
    [
      "expand to an unknown rank",
      () => op.expand(x, i("?")),
      "Expand: the shape asked for is [?], so its rank is unknown",
    ],
    ["slice along no axis", () => op.slice(x, { axis: 2 }), "Slice: axis 2 is not an axis of [batch, 4]"],
    [
      "slice along a computed axis",
      () => emit("Slice", [x, op.ints(0), op.ints(1), i(1)], {}, ["float32"]),
      "Slice: axes must be constant",
    ],
    [
      "concat of other axes",
      () => op.concat([x, f("batch", 3)], 0),
      "Concat: the other axes: [0, 4] and [0, 3] must be the same shape",
    ],
    [
      "concat of other ranks",
      () => op.concat([x, f(4)], 0),
      "Concat: the other axes: [0, 4] and [0] must be the same shape",
    ],
    ["concat along no axis", () => op.concat([x], 2), "Concat: axis 2 is not an axis of [batch, 4]"],
    ["squeeze of a size", () => op.squeeze(x, [1]), "Squeeze: axis 1 of [batch, 4] is not 1"],
    ["squeeze of a name", () => op.squeeze(x, [0]), "Squeeze: axis 0 of [batch, 4] is not 1"],
    ["squeeze of no axis", () => op.squeeze(x, [2]), "Squeeze: axis 2 is not an axis of [batch, 4]"],
    ["unsqueeze past the result", () => op.unsqueeze(f(4), [2]), "Unsqueeze: axis 2 is not an axis of [1, 1]"],
    [
      "unsqueeze twice at one place",
      () => op.unsqueeze(f(4), [0, -3]),
      "Unsqueeze: axes [0, -3] name an axis of [1, 1, 1] twice",
    ],
    [
      "a scalar asked for",
      () => op.requireScalar("the loss", x),
      "the loss must be a scalar, got [batch, 4]; reduce it first",
    ],
  ])("%s", (_, build, message) => {
    let error: unknown;
    try {
      build();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain("\n");
    // The stack's first line outside the builder is the guilty one.
    expect((error as Error).stack).toContain("errors.test.ts");
  });
});
