// The same SAE in TensorFlow.js. Its TopK has no gradient, so what is kept is found by a threshold.
import { inputs, timed } from "./inputs.js";

const script = (src) =>
  new Promise((resolve, reject) =>
    document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject })),
  );

export async function train({ provider, folder, epochs }) {
  await script("/tfjs/tf.min.js");
  await script(provider === "wasm" ? "/tfwasm/tf-backend-wasm.min.js" : "/tfwebgpu/tf-backend-webgpu.min.js");
  const { tf } = globalThis;
  if (provider === "wasm") {
    tf.wasm.setWasmPaths("/tfwasm/");
    tf.wasm.setThreadsCount(navigator.hardwareConcurrency);
  }
  if (!(await tf.setBackend(provider))) throw new Error(`tf.setBackend("${provider}") gave false`);
  const { weights, ordered, batchSize, k, inputDim, latentDim, ...about } = await inputs(folder);
  const W_enc = tf.variable(tf.tensor(weights.W_enc, [latentDim, inputDim]));
  const b_enc = tf.variable(tf.tensor(weights.b_enc, [latentDim]));
  const W_dec = tf.variable(tf.tensor(weights.W_dec, [latentDim, inputDim]));
  const rows = tf.tensor(ordered, [batchSize * about.steps, inputDim]);
  const adam = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
  const keep = tf.customGrad((pre, save) => {
    const size = tf.abs(pre);
    const kth = tf.topk(size, k).values.slice([0, k - 1], [batchSize, 1]);
    const mask = tf.cast(tf.greaterEqual(size, kth), "float32");
    save([mask]);
    return { value: pre.mul(mask), gradFunc: (dy, [mask]) => dy.mul(mask) };
  });
  const step = (i) => {
    const loss = tf.tidy(() => {
      const x = rows.slice([batchSize * i, 0], [batchSize, inputDim]);
      const cost = adam.minimize(() => {
        const z = keep(tf.matMul(x, W_enc, false, true).add(b_enc));
        return tf.mean(tf.square(tf.sub(x, tf.matMul(z, W_dec))));
      }, true);
      W_dec.assign(W_dec.div(W_dec.square().sum(1, true).sqrt()));
      return cost;
    });
    return async () => {
      const [value] = await loss.data();
      loss.dispose();
      return value;
    };
  };
  const result = await timed({ ...about, epochs: epochs ?? about.epochs }, step);
  return { ...result, ...(provider === "wasm" ? { threads: tf.wasm.getThreadsCount() } : {}) };
}
