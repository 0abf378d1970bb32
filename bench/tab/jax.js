// The same SAE in jax-js, the whole step in one jit.
import { inputs, timed } from "./inputs.js";

export async function train({ provider, folder, relaxed = true }) {
  // It asks this once: whether the browser has relaxed SIMD.
  if (!relaxed) WebAssembly.validate = () => false;
  const { defaultDevice, init, jit, lax, numpy: np, tree, valueAndGrad } = await import("/jax/index.js");
  const devices = await init(provider);
  if (!devices.includes(provider)) throw new Error(`init("${provider}") started ${devices.join(", ") || "nothing"}`);
  defaultDevice(provider);
  const { weights, ordered, batchSize, k, inputDim, latentDim, ...about } = await inputs(folder);
  const shapes = { W_enc: [latentDim, inputDim], b_enc: [latentDim], W_dec: [latentDim, inputDim] };
  const each = (make) => Object.fromEntries(Object.keys(shapes).map((name) => [name, make(name)]));

  const cost = ({ W_enc, b_enc, W_dec }, x) => {
    const pre = np.matmul(x.ref, np.transpose(W_enc)).add(b_enc);
    const size = lax.stopGradient(np.abs(pre.ref));
    const [values, indices] = lax.topK(size.ref, k);
    indices.dispose();
    const kth = values.slice([], [k - 1, k]);
    const z = np.where(np.greaterEqual(size, kth), pre, 0);
    return np.mean(np.square(np.matmul(z, W_dec).sub(x)));
  };
  const step = jit(({ params, m, v, t }, x) => {
    const [loss, grads] = valueAndGrad(cost)(tree.ref(params), x);
    const [t1, out] = [t.add(1), { params: {}, m: {}, v: {} }];
    for (const name of Object.keys(shapes)) {
      const g = grads[name];
      out.m[name] = m[name].mul(0.9).add(g.ref.mul(0.1));
      out.v[name] = v[name].mul(0.999).add(np.square(g).mul(0.001));
      const mean = out.m[name].ref.div(np.subtract(1, np.power(0.9, t1.ref)));
      const square = out.v[name].ref.div(np.subtract(1, np.power(0.999, t1.ref)));
      out.params[name] = params[name].sub(mean.div(np.sqrt(square).add(1e-8)).mul(1e-3));
    }
    const W = out.params.W_dec;
    out.params.W_dec = W.ref.div(np.sqrt(np.sum(np.square(W), 1, { keepdims: true })));
    return { loss, state: { ...out, t: t1 } };
  });

  let state = {
    params: each((name) => np.array(weights[name], { shape: shapes[name] })),
    m: each((name) => np.zeros(shapes[name])),
    v: each((name) => np.zeros(shapes[name])),
    t: np.array(0),
  };
  const size = batchSize * inputDim;
  const batches = Array.from({ length: about.steps }, (_, i) =>
    np.array(ordered.slice(size * i, size * (i + 1)), { shape: [batchSize, inputDim] }),
  );
  return timed(about, (i) => {
    const { loss, state: next } = step(state, batches[i].ref);
    state = next;
    return async () => (await loss.data())[0];
  });
}
