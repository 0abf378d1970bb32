// Builds a loss, takes its gradient, checks it against finite differences, and trains with it: plain ONNX Runtime all the way.
// Run: node examples/train-your-own.mjs
import { buildModel, cpu, gradients, input, loop, op, packModel, tensor } from "sae-onnx";

/** A batch of noisy points on y = X w + b, and what we want to find again. */
const [rows, dims] = [64, 3];
const truth = { w: [1.5, -2, 0.5], b: 0.25 };
const noise = (i) => Math.sin(12.9898 * i) * 0.5;
const X = Float32Array.from({ length: rows * dims }, (_, i) => Math.sin(i * i + 1));
const Y = Float32Array.from({ length: rows }, (_, r) =>
  truth.w.reduce((sum, w, d) => sum + w * X[r * dims + d], truth.b + 0.01 * noise(r)),
);

/** Mean squared error of a linear model. Every value knows its type and shape; a mistake throws at this line. */
const loss = (x, y, { w, b }) => op.meanSquare(op.sub(op.add(op.matMul(x, w), b), y));

// 1. A graph of the loss and its gradient, and one run of it.
const x = input("float32", ["batch", dims]);
const y = input("float32", ["batch", 1]);
const parameters = { w: input("float32", [dims, 1]), b: input("float32", [1]) };
const error = loss(x, y, parameters);
const slope = gradients(error, parameters);
const model = buildModel({ inputs: { x, y, ...parameters }, outputs: { error, dw: slope.w, db: slope.b } });
const session = await cpu.open(packModel(model));

const at = (w, b) => ({
  x: tensor("float32", [rows, dims], X),
  y: tensor("float32", [rows, 1], Y),
  w: tensor("float32", [dims, 1], Float32Array.from(w)),
  b: tensor("float32", [1], Float32Array.of(b)),
});
const { dw } = await session.run(at([0, 0, 0], 0));
const errorAt = async (w0) => (await session.run(at([w0, 0, 0], 0))).error.data[0];
const h = 1e-2;
const numeric = ((await errorAt(h)) - (await errorAt(-h))) / (2 * h);
console.log(`d error / d w[0]: ${dw.data[0].toFixed(4)} by autodiff, ${numeric.toFixed(4)} by finite differences`);

// 2. Two hundred steps of gradient descent, all inside one run: an ONNX Loop carries the parameters.
const trained = loop({
  trips: op.scalarOf("int64", 200),
  state: parameters,
  body: (_step, state) => {
    const error = loss(x, y, state);
    const slope = gradients(error, state);
    const next = Object.fromEntries(
      Object.keys(state).map((name) => [name, op.sub(state[name], op.mul(slope[name], 0.3))]),
    );
    return { state: next, outputs: { error } };
  },
});
const training = buildModel({
  inputs: { x, y, ...parameters },
  outputs: { errors: trained.outputs.error, found_w: trained.state.w, found_b: trained.state.b },
});
const { errors, found_w, found_b } = await (await cpu.open(packModel(training))).run(at([0, 0, 0], 0));
const show = (numbers) => Array.from(numbers, (n) => n.toFixed(2)).join(", ");
console.log(`error ${errors.data[0].toFixed(4)} -> ${errors.data.at(-1).toFixed(6)}`);
console.log(
  `found w = [${show(found_w.data)}], b = ${show(found_b.data)}; true w = [${show(truth.w)}], b = ${truth.b}`,
);
