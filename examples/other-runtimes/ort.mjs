/** How every JavaScript package of ONNX Runtime is called: a session of the model, then runs of it. */
export const loadWith =
  ({ InferenceSession, Tensor }, open = (path) => path) =>
  async (path) => {
    const session = await InferenceSession.create(await open(path), { logSeverityLevel: 4 });
    const run = async (inputs) => {
      const feeds = {};
      for (const [name, { data, dims }] of Object.entries(inputs)) feeds[name] = new Tensor("float32", data, dims);
      const outputs = {};
      for (const [name, { type, dims, data }] of Object.entries(await session.run(feeds)))
        outputs[name] = { dtype: type, dims, data };
      return outputs;
    };
    return { run, release: () => session.release?.() };
  };
