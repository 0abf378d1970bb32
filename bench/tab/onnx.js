// This project's training graph of one step on ONNX Runtime alone, in the ways that it offers.
import { floats, inputs, timed } from "./inputs.js";

const files = { asyncify: "ort.webgpu.bundle", jspi: "ort.jspi.bundle", jsep: "ort.bundle" };

/**
 * `state`: where it is between steps. `host`: every step takes it and gives it back; `device`: IO binding, as SaeWorker has it;
 * `buffers`: every input is a buffer that stays, and what the step gives is copied there; `captured`: the same with graph capture.
 */
export async function train({ folder, build, state }) {
  const ort = await import(`/ort/${files[build]}.min.mjs`);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const { shapes, ordered, batchSize, inputDim, ...about } = await inputs(folder);
  const x = (i) => ordered.subarray(batchSize * inputDim * i, batchSize * inputDim * (i + 1));
  const first = { mask: [new Float32Array(batchSize).fill(1), [batchSize, 1]], scale: [Float32Array.of(1), []] };
  for (const [name, dims] of Object.entries(shapes)) first[name] = [await floats(folder, name), dims];
  const outputs = Object.keys(shapes).map((name) => `${name}_next`);
  const options = {
    host: {},
    device: { preferredOutputLocation: Object.fromEntries(outputs.map((name) => [name, "gpu-buffer"])) },
    buffers: { preferredOutputLocation: "gpu-buffer" },
    captured: { enableGraphCapture: true, preferredOutputLocation: "gpu-buffer" },
  };
  const session = await ort.InferenceSession.create(`${folder}step.onnx`, {
    graphOptimizationLevel: "all",
    executionProviders: [{ name: "webgpu" }],
    // JSEP has no kernel for some nodes.
    ...(build === "jsep" ? {} : { extra: { session: { disable_cpu_ep_fallback: "1" } } }),
    ...options[state],
  });

  const carried = Object.fromEntries(
    Object.entries(first).map(([name, [data, dims]]) => [name, new ort.Tensor("float32", data, dims)]),
  );
  /** What the last step gave is the next one's state. */
  async function given(i) {
    const results = await session.run({ ...carried, x: new ort.Tensor("float32", x(i), [batchSize, inputDim]) });
    for (const name of Object.keys(shapes)) {
      carried[name].dispose();
      carried[name] = results[`${name}_next`];
    }
    return () => results.loss.data[0];
  }

  const device = await ort.env.webgpu.device;
  const buffers = {};
  function stays(name, [data, dims]) {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    buffers[name] = device.createBuffer({ size: Math.max(16, data.byteLength), usage });
    device.queue.writeBuffer(buffers[name], 0, data);
    return ort.Tensor.fromGpuBuffer(buffers[name], { dataType: "float32", dims });
  }
  let bound;
  /** What the step gave is copied to where it takes it from. */
  async function copied(i) {
    bound ??= Object.fromEntries(
      Object.entries({ ...first, x: [x(0), [batchSize, inputDim]] }).map(([name, one]) => [name, stays(name, one)]),
    );
    device.queue.writeBuffer(buffers.x, 0, x(i));
    const results = await session.run(bound);
    const copies = device.createCommandEncoder();
    for (const [name, dims] of Object.entries(shapes)) {
      const size = 4 * dims.reduce((product, one) => product * one, 1);
      copies.copyBufferToBuffer(results[`${name}_next`].gpuBuffer, 0, buffers[name], 0, size);
    }
    device.queue.submit([copies.finish()]);
    const [loss] = await results.loss.getData();
    for (const one of Object.values(results)) one.dispose();
    return () => loss;
  }

  return timed(about, state === "host" || state === "device" ? given : copied);
}
