import { expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import * as op from "../../src/graph/ops.ts";
import { random } from "../../src/util/random.ts";
import { sizeOf, tensor } from "../../src/util/tensor.ts";
import { evaluateGraph, numbers } from "../run.ts";
import { prefixed } from "./vjp.ts";

const [rows, width, hidden, classes] = [7, 5, 6, 4];
const rng = random(11, "mlp");
const draw = (...dims: number[]) =>
  tensor(
    "float64",
    dims,
    Float64Array.from({ length: sizeOf(dims) }, () => rng.normal()),
  );
const given = {
  x: draw(rows, width),
  W1: draw(hidden, width),
  b1: draw(hidden),
  W2: draw(classes, hidden),
  b2: draw(classes),
};
const labels = Array.from({ length: rows }, () => rng.below(classes));
const target = tensor(
  "float64",
  [rows, classes],
  Float64Array.from({ length: rows * classes }, (_, i) => (labels[Math.floor(i / classes)] === i % classes ? 1 : 0)),
);

/** Loss and gradients of a tanh network with softmax cross-entropy, by the textbook's formulas, entry by entry. */
function byHand() {
  const [x, W1, b1, W2, b2] = [given.x.data, given.W1.data, given.b1.data, given.W2.data, given.b2.data];
  const grads = {
    W1: new Float64Array(W1.length),
    b1: new Float64Array(b1.length),
    W2: new Float64Array(W2.length),
    b2: new Float64Array(b2.length),
  };
  let loss = 0;
  for (let r = 0; r < rows; r++) {
    const h = new Float64Array(hidden);
    for (let j = 0; j < hidden; j++) {
      let sum = b1[j]!;
      for (let i = 0; i < width; i++) sum += W1[j * width + i]! * x[r * width + i]!;
      h[j] = Math.tanh(sum);
    }
    const logits = new Float64Array(classes);
    for (let c = 0; c < classes; c++) {
      logits[c] = b2[c]!;
      for (let j = 0; j < hidden; j++) logits[c]! += W2[c * hidden + j]! * h[j]!;
    }
    const total = logits.reduce((sum, v) => sum + Math.exp(v), 0);
    loss -= (logits[labels[r]!]! - Math.log(total)) / rows;
    const dh = new Float64Array(hidden);
    for (let c = 0; c < classes; c++) {
      // d loss / d logit = (p - t) / rows
      const d = (Math.exp(logits[c]!) / total - (c === labels[r] ? 1 : 0)) / rows;
      grads.b2[c]! += d;
      for (let j = 0; j < hidden; j++) {
        grads.W2[c * hidden + j]! += d * h[j]!;
        dh[j]! += d * W2[c * hidden + j]!;
      }
    }
    for (let j = 0; j < hidden; j++) {
      const d = dh[j]! * (1 - h[j]! * h[j]!);
      grads.b1[j]! += d;
      for (let i = 0; i < width; i++) grads.W1[j * width + i]! += d * x[r * width + i]!;
    }
  }
  return { loss, grads };
}

test("a two-layer network with softmax cross-entropy has the textbook's gradients", async () => {
  const x = op.input("float64", ["batch", width]);
  const t = op.input("float64", ["batch", classes]);
  const params = {
    W1: op.input("float64", [hidden, width]),
    b1: op.input("float64", [hidden]),
    W2: op.input("float64", [classes, hidden]),
    b2: op.input("float64", [classes]),
  };
  const h = op.tanh(op.gemm(x, params.W1, { bias: params.b1, transB: true }));
  const p = op.softmax(op.add(op.matMul(h, op.transpose(params.W2)), params.b2));
  const loss = op.neg(op.reduceMean(op.reduceSum(op.mul(t, op.log(p)), { axes: [1] })));
  const results = await evaluateGraph(
    { x, t, ...params },
    { loss, ...prefixed(gradients(loss, params)) },
    { ...given, t: target },
  );

  const expected = byHand();
  expect(Number(results.loss!.data[0])).toBeCloseTo(expected.loss, 12);
  for (const [name, grad] of Object.entries(expected.grads))
    for (const [i, value] of numbers(results[`d_${name}`]!.data).entries())
      expect(value, `${name} ${i}`).toBeCloseTo(grad[i]!, 12);
});
