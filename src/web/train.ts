import {
  type EpochNews,
  encodeModel,
  freeze,
  isDeviceLost,
  progressOf,
  readCheckpoint,
  SaeWorker,
  type TrainConfig,
  type TrainProgress,
  trainConfig,
  type WorkerOptions,
  writeCheckpoint,
} from "../browser.ts";
import { at, download, say, short, table } from "./dom.ts";
import { addModel, attempt, theData, theSource, theWorker } from "./files.ts";

let halfway: { readonly config: TrainConfig; readonly progress: TrainProgress; readonly digest: string } | undefined;
let news: EpochNews[] = [];
let stop: (() => void) | undefined;

/** The Train tab. Training runs in a worker of its own, so that the other tabs go on. */
export function startTrain(): void {
  at("train-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt("train", async () => {
      const number = (id: string) => Number(at<HTMLInputElement>(`train-${id}`).value);
      const { inputDim } = await theData();
      const config = trainConfig({
        inputDim,
        latentDim: number("latents"),
        epochs: number("epochs"),
        batchSize: number("batch"),
        seed: number("seed"),
        // What WebGPU can train with.
        ...((await theWorker()).provider === "webgpu" ? { step: "dense" } : {}),
        options: { k: number("k") },
      });
      news = [];
      await train(config, undefined);
    });
  });
  at("train-stop").addEventListener("click", () => {
    stop?.();
    say("train", "stopping after this epoch …");
  });
  at("train-resume").addEventListener(
    "click",
    () => void attempt("train", () => train(halfway!.config, halfway!.progress)),
  );
  const input = at<HTMLInputElement>("train-checkpoint");
  input.addEventListener("change", () => void attempt("train", () => takeCheckpoint(input.files![0]!)));
}

async function takeCheckpoint(file: File): Promise<void> {
  const { config, tensors, epochsDone, loss, dataDigest } = readCheckpoint(
    new Uint8Array(await file.arrayBuffer()),
    file.name,
  );
  const { info } = await theData();
  if (epochsDone >= config.epochs)
    throw new Error(`${file.name}: is finished, ${epochsDone} epochs of ${config.epochs}; choose one that is not`);
  if (dataDigest !== info.digest)
    throw new Error(`${file.name}: was trained on other activations or another split; choose those above`);
  halfway = { config, progress: { state: tensors, epochsDone, loss }, digest: dataDigest };
  news = [];
  at<HTMLButtonElement>("train-resume").disabled = false;
  say("train", `${file.name}: ${epochsDone} of ${config.epochs} epochs are done; Resume goes on from there`);
}

type Provider = NonNullable<WorkerOptions["provider"]>;

/** A worker of the training's own, with the chosen activations in it. */
async function open(provider: Provider): Promise<{ worker: SaeWorker; data: number }> {
  const worker = await SaeWorker.start({ provider });
  stop = () => void worker.call("stop", undefined);
  return { worker, data: (await worker.call("read", await theSource())).id };
}

async function train(config: TrainConfig, from: TrainProgress | undefined): Promise<void> {
  const buttons = (running: boolean) => {
    at<HTMLButtonElement>("train-start").disabled = running;
    at<HTMLButtonElement>("train-stop").disabled = !running;
    at<HTMLButtonElement>("train-resume").disabled = running || !halfway;
  };
  buttons(true);
  at("train-result").replaceChildren();
  say("train", "starting …");
  const summary = await theData();
  const source = at<HTMLSelectElement>("data").value;
  const provider = at<HTMLSelectElement>("provider").value as Provider;
  let running: Awaited<ReturnType<typeof open>> | undefined;
  let moved = "";
  const epochs = async (on: Provider, since: TrainProgress | undefined) => {
    running = await open(on);
    const before = news.at(-1)?.seconds ?? 0;
    return running.worker.call("train", { data: running.data, config, from: since }, (one) => {
      news = [...news, { ...one, seconds: one.seconds + before }];
      showNews(config, from?.epochsDone ?? 0, moved);
    });
  };
  try {
    const progress = await epochs(provider, from).catch((error) => {
      const reached = progressOf(error);
      if (reached) halfway = { config, progress: reached, digest: summary.info.digest };
      const done = reached?.epochsDone ?? 0;
      if (provider === "auto" && isDeviceLost(error)) {
        running!.worker.close();
        moved = `; on WebAssembly after epoch ${done}, as the graphics device was lost`;
        return epochs("wasm", reached);
      }
      if (reached) error.message += `; Resume goes on after epoch ${done}`;
      throw error;
    });
    const { worker, data } = running!;
    const checkpoint = {
      config,
      tensors: progress.state,
      epochsDone: progress.epochsDone,
      loss: progress.loss,
      dataDigest: summary.info.digest,
      layer: summary.layer,
      position: summary.position,
      metrics: {},
    };
    const finished = progress.epochsDone >= config.epochs;
    halfway = finished ? undefined : { config, progress, digest: summary.info.digest };
    const name = `tab_d${config.latentDim}_k${config.options.k}`;
    const autoencoder = encodeModel(freeze(checkpoint, "autoencoder"));
    const { row } = await worker.call("evaluate", {
      data,
      model: { name: `${name}.autoencoder.onnx`, bytes: autoencoder },
    });
    const measured = { ...checkpoint, metrics: finished ? row.metrics : {} };
    addModel(`${name}.autoencoder.onnx`, autoencoder);
    offer(name, {
      "encoder.onnx": () => encodeModel(freeze(measured, "encoder")),
      "autoencoder.onnx": () => encodeModel(freeze(measured, "autoencoder")),
      safetensors: () => writeCheckpoint(measured),
    });
    at("train-result").dataset.row = JSON.stringify({ ...row, loss: progress.loss });
    const value = short(row.metrics.explained_variance);
    say(
      "train",
      finished
        ? `done on ${source}: explained variance ${value}${moved}`
        : `stopped after ${progress.epochsDone} of ${config.epochs} epochs, explained variance ${value}${moved}; Resume goes on`,
    );
  } finally {
    stop = undefined;
    running?.worker.close();
    buttons(false);
  }
}

function showNews(config: TrainConfig, start: number, moved: string): void {
  const { epochsDone, loss, deathRate, seconds } = news.at(-1)!;
  const left = (seconds / Math.max(1, epochsDone - start)) * (config.epochs - epochsDone);
  say("train", `epoch ${epochsDone} of ${config.epochs}, about ${Math.ceil(left)} s left${moved}`);
  const highest = Math.max(...news.map((one) => one.loss));
  const points = news
    .map((one, i) => `${news.length > 1 ? (100 * i) / (news.length - 1) : 0},${100 - (96 * one.loss) / highest}`)
    .join(" ");
  at("train-live").innerHTML =
    `<svg class="curve" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="Loss by epoch, now ${short(loss)}"><polyline points="${points}"/></svg>
    ${table([">epoch", ">loss", ">silent in the epoch", ">seconds"], [[String(epochsDone), short(loss), `${(100 * deathRate).toFixed(1)}%`, seconds.toFixed(1)]])}`;
}

function offer(name: string, files: Readonly<Record<string, () => Uint8Array>>): void {
  const place = at("train-result");
  place.innerHTML = "<p>Download:</p>";
  for (const [suffix, make] of Object.entries(files)) {
    const button = document.createElement("button");
    button.textContent = `${name}.${suffix}`;
    button.addEventListener("click", () => download(button.textContent!, make()));
    place.append(button, " ");
  }
}
