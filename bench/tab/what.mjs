// What browser.mjs trains: a name, the page's part that does it, and what that part takes.

const wasm = { provider: "wasm", folder: "/wasm/" };
const webgpu = { provider: "webgpu", folder: "/webgpu/" };

/** Every library, on WebAssembly and on WebGPU. */
export const training = [
  { name: "sae-onnx, wasm, 1 thread", file: "ours.js", takes: { ...wasm, threads: 1 } },
  { name: "sae-onnx, wasm, all threads", file: "ours.js", takes: wasm },
  { name: "sae-onnx, wasm, all threads, step dense", file: "ours.js", takes: { ...wasm, step: "dense" } },
  // A step of it takes so long that two epochs will do.
  { name: "tfjs, wasm", file: "tfjs.js", takes: { ...wasm, epochs: 2 } },
  { name: "jax-js, wasm", file: "jax.js", takes: wasm },
  { name: "sae-onnx, webgpu", file: "ours.js", takes: { ...webgpu, step: "dense" } },
  { name: "tfjs, webgpu", file: "tfjs.js", takes: webgpu },
  { name: "jax-js, webgpu", file: "jax.js", takes: webgpu },
];

const onnx = (name, takes) => ({ name, file: "onnx.js", takes: { ...webgpu, ...takes } });

/** The ways of ONNX Runtime on WebGPU, and what relaxed SIMD gives the one library here that has it. */
export const ways = [
  onnx("asyncify, state on the device", { build: "asyncify", state: "device" }),
  onnx("asyncify, state on the host", { build: "asyncify", state: "host" }),
  onnx("asyncify, state in buffers of ours", { build: "asyncify", state: "buffers" }),
  onnx("asyncify, graph capture", { build: "asyncify", state: "captured" }),
  onnx("jspi, state on the device", { build: "jspi", state: "device" }),
  onnx("jsep, state on the device", { build: "jsep", state: "device" }),
  { name: "jax-js, wasm, relaxed SIMD", file: "jax.js", takes: wasm },
  { name: "jax-js, wasm, plain SIMD", file: "jax.js", takes: { ...wasm, relaxed: false } },
];
