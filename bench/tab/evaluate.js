/** Milliseconds of three evaluations of the model at /models/ over all embedded rows, on WebAssembly. */
export async function evaluate() {
  const { SaeWorker } = await import("/sae/sae-onnx.js");
  const worker = await SaeWorker.start({ provider: "wasm", wasmPath: "/ort/", threads: 2 });
  const file = await (await fetch("/data/use-lite-resid0-pos3.safetensors")).blob();
  const data = await worker.call("read", { name: "use.safetensors", file });
  const bytes = new Uint8Array(await (await fetch("/models/large.autoencoder.onnx")).arrayBuffer());
  const times = [];
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await worker.call("evaluate", { data: data.id, model: { name: "large", bytes } });
    times.push(performance.now() - start);
  }
  return { times };
}
