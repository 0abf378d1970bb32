import { buildModel } from "../../src/graph/build.ts";
import { loop } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import { scope } from "../../src/graph/value.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { tensor } from "../../src/util/tensor.ts";

const weights = tensor(
  "float32",
  [3, 100],
  Float32Array.from({ length: 300 }, (_, i) => Math.sin(i)),
);

/** A model with weights, a Loop, small constants of every type, attributes, and metadata. */
export function sample(): Model {
  const x = op.input("float32", ["batch", 100]);
  const W_enc = op.constant(weights, "W_enc");
  const pre = scope("encode", () => op.gemm(x, W_enc, { transB: true }));
  const { values, indices } = scope("encode", () => op.topK(op.abs(pre), 2));
  const { state, outputs } = scope("train", () =>
    loop({
      trips: op.scalarOf("int64", 3),
      state: { total: op.scalarOf("float32", 0.1) },
      body: (step, { total }) => {
        const more = scope("more", () => op.mul(total, op.add(op.cast(step, "float32"), 1.5)));
        return { state: { total: op.add(more, op.reduceMean(values)) }, outputs: { seen: total } };
      },
    }),
  );
  const odd = op.constant(tensor("float32", [3], Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY, -0)));
  const rest = op.concat([odd, op.constant(tensor("float32", [0], new Float32Array()))], 0);
  const z = op.scatterElements(op.zerosLike(pre), indices, values, { reduction: "add" });
  return buildModel({
    name: "sample",
    inputs: { x },
    outputs: {
      z,
      total: state.total,
      seen: outputs.seen,
      rest,
      sums: op.reduceSum(op.cast(z, "float64"), { axes: [0] }),
    },
    metadata: { k: "2", architecture: "sample", note: "ä\n# second line" },
  });
}
