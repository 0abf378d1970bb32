// This project in the tab: SaeWorker, as a page calls it.
import { aboutInputs, floats } from "./inputs.js";

export async function train({ provider, threads, step, folder }) {
  const sae = await import("/sae/sae-onnx.js");
  const { config, epochs, steps, batchSize, inputDim } = await aboutInputs(folder);
  const worker = await sae.SaeWorker.start({ provider, wasmPath: "/ort/", threads });
  const rows = sae.tensor("float32", [batchSize * steps, inputDim], await floats(folder, "rows"));
  const { id } = await worker.call("keep", { train: rows, validation: sae.takeRows(rows, new Uint32Array(1)) });
  const seconds = [];
  const whole = step === "dense" ? { ...config, step, retire: undefined } : config;
  const trained = await worker.call("train", { data: id, config: whole }, (news) => seconds.push(news.seconds));
  // The first epoch starts the session.
  const ms = (1000 * (seconds.at(-1) - seconds[0])) / (epochs - 1) / steps;
  return { ms, loss: trained.loss[0], ...(provider === "wasm" ? { threads: worker.threads } : {}) };
}
