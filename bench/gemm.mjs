// Median milliseconds of one product [256, 2048] x [2048, 2048] transposed in ONNX Runtime. Prints one JSON object.
import { buildModel, cpu, input, op, packModel, tensor } from "sae-onnx";

const [a, b] = [input("float32", [256, 2048]), input("float32", [2048, 2048])];
// Only one row leaves the session: copying the product out is not what is measured.
const product = op.slice(op.gemm(a, b, { transB: true }), { axis: 0, to: 1 });
const session = await cpu.open(packModel(buildModel({ inputs: { a, b }, outputs: { product } })));
const random = (...dims) => tensor("float32", dims, Float32Array.from({ length: dims[0] * dims[1] }, Math.random));
const feeds = { a: random(256, 2048), b: random(2048, 2048) };
const times = [];
for (let i = 0; i < 50; i++) {
  const start = performance.now();
  await session.run(feeds);
  times.push(performance.now() - start);
}
console.log(JSON.stringify({ ms: times.sort((x, y) => x - y)[25] }));
