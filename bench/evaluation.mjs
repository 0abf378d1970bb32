/**
 * Rows per second of `evaluate` on a frozen autoencoder (session opened, every metric, all rows) against its two products alone, the
 * encoder's [batch, inputDim] x [inputDim, latentDim] and the decoder's [batch, latentDim] x [latentDim, inputDim], each a session of one
 * Gemm with the same batch and threads. They run in turn, so that a noisy machine is noisy for all.
 *
 * Run: npm run -s build && node bench/evaluation.mjs [DATA] [rounds] [threads] [batchSize] [provider]
 * Without DATA (or with "") only random rows of 2,048 dims are measured; with it and provider wasm only DATA.
 */
import {
  buildModel,
  cpu,
  evaluateOn,
  freeze,
  input,
  op,
  packModel,
  providers,
  readActivations,
  tensor,
  trainConfig,
  trainOn,
} from "sae-onnx";

const [file, rounds = "7", threads = "2", batchSize = "1024", provider = "cpu"] = process.argv.slice(2);
const runtime = await providers[provider].load();
const options = { threads: +threads, batchSize: +batchSize };
const random = (...dims) =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: dims[0] * dims[1] }, () => 2 * Math.random() - 1),
  );
const middle = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const first = ({ data, dims }, rows) => tensor("float32", [rows, dims[1]], data.subarray(0, rows * dims[1]));

/** Runs one product of `rows` rows in batches; one row alone leaves the session, so that copying is not measured. */
async function product(rows, a, b, transB) {
  const x = input("float32", ["batch", a]);
  const W = op.constant(transB ? random(b, a) : random(a, b));
  const y = op.slice(op.gemm(x, W, { transB }), { axis: 0, to: 1 });
  const session = await runtime.open(packModel(buildModel({ inputs: { x }, outputs: { y } })), options);
  const batch = random(options.batchSize, a);
  return async () => {
    for (let from = 0; from < rows; from += options.batchSize)
      await session.run({ x: first(batch, Math.min(options.batchSize, rows - from)) });
  };
}

async function measure(name, x, latentDim, k) {
  const [rows, inputDim] = x.dims;
  const config = trainConfig({ inputDim, latentDim, options: { k }, epochs: 1 });
  const { state } = await trainOn(cpu, config, first(x, 512));
  const kept = {
    config,
    tensors: state,
    epochsDone: 1,
    loss: [],
    dataDigest: "",
    layer: null,
    position: null,
    metrics: {},
  };
  const model = freeze(kept, "autoencoder");
  const cut = Math.round(0.9 * rows);
  const data = {
    train: first(x, cut),
    validation: tensor("float32", [rows - cut, inputDim], x.data.subarray(cut * inputDim)),
  };
  const encoder = await product(rows, inputDim, latentDim, true);
  const decoder = await product(rows, latentDim, inputDim, false);
  const times = { evaluate: [], products: [], ratio: [] };
  for (let round = 0; round <= +rounds; round++) {
    const start = performance.now();
    await evaluateOn(runtime, model, data, options);
    const between = performance.now();
    await encoder();
    await decoder();
    const end = performance.now();
    if (round === 0) continue; // warming up
    times.evaluate.push(between - start);
    times.products.push(end - between);
    times.ratio.push((end - between) / (between - start));
  }
  const perSecond = (list) => Math.round(rows / (middle(list) / 1000));
  const result = { name, rows, input_dim: inputDim, latent_dim: latentDim, k, provider, ...options };
  console.log(
    JSON.stringify({
      ...result,
      evaluate_rows_per_s: perSecond(times.evaluate),
      products_rows_per_s: perSecond(times.products),
      ratio: +middle(times.ratio).toFixed(3),
    }),
  );
}

if (file) await measure("data", (await readActivations(file)).activations, 2048, 20);
if (!file || provider !== "wasm") await measure("random", random(8192, 2048), 2048, 20);
