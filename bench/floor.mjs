/**
 * The least a step on these latents takes: the encoder's product over all latents, four products over the latents of a batch (decoder,
 * the gradients of both matrices and of the kept values), and one pass over the live rows of both matrices and their moments, that reads
 * and writes each once. Every part is a session of its own, measured alone.
 */
import { buildModel, cpu, input, loop, op, packModel, tensor } from "sae-onnx";

const repeats = 15;
const random = (dims) =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: dims[0] * dims[1] }, () => 2 * Math.random() - 1),
  );
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
/** Only one row leaves a session: copying results out is not what is measured. */
const firstRow = (x) => op.slice(x, { axis: 0, to: 1 });

/** A session on a graph of inputs of these shapes, and random numbers to feed it. */
async function opened(shapes, outputsOf, threads, more = {}) {
  const inputs = Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [name, input("float32", dims)]));
  const outputs = Object.fromEntries(outputsOf(inputs).map((value, i) => [`y${i}`, firstRow(value)]));
  const session = await cpu.open(packModel(buildModel({ inputs: { ...inputs, ...more }, outputs })), { threads });
  return { session, feeds: Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [name, random(dims)])) };
}

async function timed(run) {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** Median milliseconds of one product; the first run, which takes its memory, does not count. */
async function product(a, b, options, threads) {
  const { session, feeds } = await opened({ a, b }, ({ a, b }) => [op.gemm(a, b, options)], threads);
  const times = [];
  for (let i = 0; i <= repeats; i++) times.push(await timed(() => session.run(feeds)));
  await session.release();
  return median(times.slice(1));
}

/**
 * Median milliseconds of reading and writing six arrays once. In a Loop, as training has it: there no array takes the place of another
 * within a pass, and none that was just written is in the cache. What a run of one pass takes beside it is taken off.
 */
async function pass(dims, threads) {
  const passes = 5;
  const trips = input("int64", []);
  const shapes = Object.fromEntries(
    ["W_enc", "m.W_enc", "v.W_enc", "W_dec", "m.W_dec", "v.W_dec"].map((x) => [x, dims]),
  );
  const body = (_, arrays) => ({
    state: Object.fromEntries(Object.entries(arrays).map(([name, x]) => [name, op.mul(x, 0.9)])),
    outputs: {},
  });
  const graph = (arrays) => Object.values(loop({ trips, state: arrays, body }).state);
  const { session, feeds } = await opened(shapes, graph, threads, { trips });
  const run = (count) => session.run({ ...feeds, trips: tensor("int64", [], BigInt64Array.of(count)) });
  const times = [];
  for (let i = 0; i <= repeats; i++) {
    const one = await timed(() => run(1n));
    times.push((await timed(() => run(BigInt(1 + passes)))) - one);
  }
  await session.release();
  return median(times.slice(1)) / passes;
}

/**
 * Milliseconds of the parts and in all. `active`: latents kept somewhere in a batch, `live`: latents with moments, both as means over
 * the training. `fill`: mean rows of a batch over `batch`, as the last one of an epoch is smaller; the products take so much less.
 */
export async function floorOf({ batch, inputDim, latentDim, active, live, fill = 1, threads }) {
  const [a, l] = [Math.max(1, Math.round(active)), Math.max(1, Math.round(live))];
  const encoder = await product([batch, inputDim], [latentDim, inputDim], { transB: true }, threads);
  const decoder = await product([batch, a], [a, inputDim], {}, threads);
  const values = await product([batch, inputDim], [a, inputDim], { transB: true }, threads);
  const weights = await product([batch, a], [batch, inputDim], { transA: true }, threads);
  const pass_ms = await pass([l, inputDim], threads);
  const products = decoder + values + 2 * weights;
  return {
    encoder_ms: encoder * fill,
    products_ms: products * fill,
    pass_ms,
    ms: (encoder + products) * fill + pass_ms,
  };
}

/** Distinct latents that a batch of rows keeps: the k largest |pre| of each row, by the weights of a state. */
export async function activeCounter({ inputDim, k }, threads) {
  const [x, W_enc] = [input("float32", ["batch", inputDim]), input("float32", ["latents", inputDim])];
  const b_enc = input("float32", ["latents"]);
  const { indices } = op.topK(op.abs(op.gemm(x, W_enc, { transB: true, bias: b_enc })), k);
  const model = buildModel({ inputs: { x, W_enc, b_enc }, outputs: { indices } });
  const session = await cpu.open(packModel(model), { threads });
  return async ({ W_enc, b_enc }, rows) => new Set((await session.run({ x: rows, W_enc, b_enc })).indices.data).size;
}
