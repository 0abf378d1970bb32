// Two SAEs of a grid that share one pass over the batch: one product over both encoders beside two products in one session, and beside
// two sessions of one thread at once, as the grid trains them. Also the gradient of the encoders, which are one matrix too. In turn; medians of 21.
// node bench/stacked.mjs [latents of each] [dims] [batch]
import { buildModel, cpu, input, op, packModel, tensor } from "sae-onnx";

const [latents = 1024, dims = 512, batch = 256] = process.argv.slice(2).map(Number);
const random = (...shape) =>
  tensor(
    "float32",
    shape,
    Float32Array.from({ length: shape[0] * shape[1] }, () => Math.random() - 0.5),
  );
/** Only one row leaves a session: copying results out is not what is measured. */
const firstRow = (y) => op.slice(y, { axis: 0, to: 1 });

/** A session of products x W^T (latents of a batch) and z^T x (a gradient), a pair for each number of latents. */
async function session(sizes, threads) {
  const x = input("float32", [batch, dims]);
  const inputs = { x };
  const outputs = {};
  for (const [i, size] of sizes.entries()) {
    inputs[`w${i}`] = input("float32", [size, dims]);
    inputs[`z${i}`] = input("float32", [batch, size]);
    outputs[`y${i}`] = firstRow(op.gemm(x, inputs[`w${i}`], { transB: true }));
    outputs[`g${i}`] = firstRow(op.gemm(inputs[`z${i}`], x, { transA: true }));
  }
  const opened = await cpu.open(packModel(buildModel({ inputs, outputs })), { threads });
  const feeds = { x: random(batch, dims) };
  for (const [i, size] of sizes.entries()) {
    feeds[`w${i}`] = random(size, dims);
    feeds[`z${i}`] = random(batch, size);
  }
  return () => opened.run(feeds);
}

const both = [await session([latents], 1), await session([latents], 1)];
const ways = {
  "two products, one session, 2 threads": await session([latents, latents], 2),
  "stacked, 2 threads": await session([2 * latents], 2),
  "two sessions one after the other, 1 thread": async () => {
    await both[0]();
    await both[1]();
  },
};
const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
for (let round = 0; round <= 21; round++)
  for (const [name, run] of Object.entries(ways)) {
    const start = performance.now();
    await run();
    if (round > 0) times[name].push(performance.now() - start);
  }
for (const [name, all] of Object.entries(times)) console.log(`${name}: ${all.sort((a, b) => a - b)[10].toFixed(2)} ms`);
