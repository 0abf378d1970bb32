import {
  isDeviceLost,
  progressOf,
  type SaeWorker,
  type TrainConfig,
  type TrainedState,
  type TrainNews,
  type TrainProgress,
} from "../../browser.ts";
import { lineChart } from "../chart.ts";
import { at, button, download, duration, make, messageOf, say, short } from "../dom.ts";
import { attempt, chosenProvider, type Provider, startWorker, theWorker, watch } from "../engine.ts";
import { addressOf, exploreNext } from "../route.ts";
import { addData, addModel, dataName, modelCalled, onShelf, theData, theSource, whenCheckpoint } from "../shelf.ts";
import { estimate, plan, showConfig, startForm } from "./form.ts";
import { forget, type KeptTraining, keep, kept, own } from "./keep.ts";

/** How often a training is kept, in seconds, and how long a run may take until a stop is heard. */
const [keepSeconds, secondsPerRun] = [4, 0.7];

/** A training that is not at its end. */
type Halfway = Omit<TrainedState, "metrics"> & { readonly name: string };

let halfway: Halfway | undefined;
let running: { readonly worker: SaeWorker; asked: boolean; readonly end: () => void } | undefined;

/** The Train tab. Training runs in a worker of its own, so that the other tabs go on. */
export function startTrain(): void {
  at("train-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt("train", async () => {
      const { config } = await plan();
      await train({ config, name: nameOf(config), from: undefined });
    });
  });
  // What was wrong with the form is said of the form as it was.
  at("train-form").addEventListener("input", () => {
    if (at("train-said").classList.contains("wrong")) say("train", "");
  });
  at("train-stop").addEventListener("click", stop);
  at("train-resume").addEventListener(
    "click",
    () => void attempt("train", () => train({ ...halfway!, from: halfway!.progress })),
  );
  whenCheckpoint((file) => {
    location.hash = "#train";
    void attempt("train", () => takeCheckpoint(file));
  });
  onShelf((what) => {
    if (what === "data") void estimate();
  });
  watch(
    "train-watch",
    () => running?.worker.silence ?? 0,
    () => running?.end(),
  );
  addEventListener("beforeunload", (event) => {
    if (running) event.preventDefault();
  });
}

/** The form, when the tab is shown. */
export const showTrain = (): Promise<boolean> =>
  attempt("train", async () => {
    await startForm();
    await estimate();
  });

/** The first Stop asks, and is heard after the run that is computed; the second ends the worker. */
function stop(): void {
  if (running?.asked) running.end();
  if (!running || running.asked) return;
  running.asked = true;
  void running.worker.call("stop", undefined).catch(() => {});
  at("train-stop").textContent = "End it now";
  say("train", "stopping …");
}

/** Names of trainings that are kept and not at their end: a new one takes no other's place. */
const reserved = new Set<string>();

/** What an SAE is, as a name: `topk-relu_d512_k20`; a further one of the kind is `..._2`. */
function nameOf({ architecture, latentDim, options, seed }: TrainConfig): string {
  const sparsity =
    options.k === undefined ? (options.lambda === undefined ? "" : `_lambda${options.lambda}`) : `_k${options.k}`;
  const name = `${architecture}_d${latentDim}${sparsity}${seed > 0 ? `_s${seed}` : ""}`;
  for (let other = 1; ; other++) {
    const one = other === 1 ? name : `${name}_${other}`;
    if (!modelCalled(one) && !reserved.has(one)) return one;
  }
}

async function takeCheckpoint(file: File): Promise<void> {
  if (running) throw new Error(`${file.name}: another training is under way; stop it, and open this one again`);
  const worker = await theWorker();
  const state = await worker.call("checkpoint", { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
  const { config, progress, digest } = state;
  const { info } = await theData();
  if (progress.epochsDone >= config.epochs)
    throw new Error(
      `${file.name}: is finished, ${progress.epochsDone} epochs of ${config.epochs}; choose one that is not`,
    );
  if (digest !== info.digest)
    throw new Error(`${file.name}: was trained on other activations or another split; choose those above`);
  halfway = { ...state, name: nameOf(config) };
  buttons();
  say("train", `${file.name}: ${progress.epochsDone} of ${config.epochs} epochs are done; Resume goes on from there`);
}

function buttons(): void {
  at<HTMLButtonElement>("train-start").disabled = running !== undefined;
  at<HTMLButtonElement>("train-stop").disabled = running === undefined;
  at<HTMLButtonElement>("train-resume").disabled = running !== undefined || halfway === undefined;
  at("train-stop").textContent = "Stop";
}

interface Order {
  readonly config: TrainConfig;
  readonly name: string;
  readonly from: TrainProgress | undefined;
  /** Of the activations that it was trained on so far. */
  readonly digest?: string;
  /** Called once it is this tab's. */
  readonly begun?: () => void;
}

async function train({ config, name, from, digest: before, begun }: Order): Promise<void> {
  const [summary, source] = [await theData(), await theSource()];
  const { digest } = summary.info;
  if (before !== undefined && before !== digest)
    throw new Error(
      `${name} was trained on other activations or another split so far; choose those above and press Resume, or train anew`,
    );
  const release = await own(name);
  if (!release) throw new Error(`${name} is being trained in another tab; go on there, or close it`);
  begun?.();
  at("train-result").replaceChildren();
  say("train", "starting …");
  const about = { config, digest, layer: summary.layer, position: summary.position };
  const keeper = new Keeper({ ...about, name, dataName: source.name, data: source.file, labels: source.labels?.text });
  const work = new Training(config, from, (progress) => {
    halfway = { ...about, name, progress };
    keeper.put(progress);
  });
  try {
    const progress = await work.finish(chosenProvider(), source).catch((error) => {
      if (work.reached) halfway = { ...about, name, progress: work.reached };
      if (work.reached && !(error instanceof Error && error.message.includes("Resume")))
        (error as Error).message += `; Resume goes on after epoch ${work.reached.epochsDone}`;
      throw error;
    });
    const finished = progress.epochsDone >= config.epochs;
    halfway = finished ? undefined : { ...about, name, progress };
    await keeper.last(finished ? undefined : progress);
    await show(work.worker!, work.data, { ...about, progress, metrics: {} }, name, work.moved);
  } finally {
    release();
    running = undefined;
    work.worker?.close();
    buttons();
  }
}

/** One training in a worker of its own; on another provider from its last epoch where the graphics device is lost. */
class Training {
  worker: SaeWorker | undefined;
  data = 0;
  reached: TrainProgress | undefined;
  moved = "";
  #config: TrainConfig;
  #start: number;
  #kept: (progress: TrainProgress) => void;
  #before = 0;
  #ended = false;

  constructor(config: TrainConfig, from: TrainProgress | undefined, kept: (progress: TrainProgress) => void) {
    [this.#config, this.reached, this.#start, this.#kept] = [config, from, from?.epochsDone ?? 0, kept];
  }

  async finish(provider: Provider, source: Awaited<ReturnType<typeof theSource>>): Promise<TrainProgress> {
    const worker = await startWorker(provider);
    this.worker = worker;
    const end = () => {
      this.#ended = true;
      worker.close();
    };
    running = { worker, asked: running?.asked ?? false, end };
    buttons();
    this.data = (await worker.call("read", source)).id;
    let seconds = 0;
    try {
      return await worker.call(
        "train",
        { data: this.data, config: this.#config, from: this.reached, keepSeconds, secondsPerRun },
        (news) => {
          seconds = news.seconds;
          this.#hear(news);
        },
      );
    } catch (error) {
      this.reached = progressOf(error) ?? this.reached;
      this.#before += seconds;
      if (this.#ended && this.reached) return this.#afterEnd(source);
      if (this.#ended) throw new Error("ended before its first epoch was over; nothing of it is left");
      if (provider !== "auto" || !isDeviceLost(error)) throw error;
      worker.close();
      this.moved = `; on WebAssembly after epoch ${this.reached?.epochsDone ?? 0}, as the graphics device was lost`;
      return this.finish("wasm", source);
    }
  }

  /** What was kept last, with a new worker to measure it. */
  async #afterEnd(source: Awaited<ReturnType<typeof theSource>>): Promise<TrainProgress> {
    this.worker = await startWorker("wasm");
    this.data = (await this.worker.call("read", source)).id;
    return this.reached!;
  }

  #hear(news: TrainNews): void {
    if (news.progress) {
      this.reached = news.progress;
      this.#kept(news.progress);
    }
    showNews(this.#config, { ...news, seconds: news.seconds + this.#before }, this.#start, this.moved);
  }
}

/** Keeps a training between visits, one write at a time; says once where that cannot be. */
class Keeper {
  #about: Omit<KeptTraining, "progress">;
  #writing: Promise<void> | undefined;
  #failed = false;

  constructor(about: Omit<KeptTraining, "progress">) {
    this.#about = about;
  }

  put(progress: TrainProgress): void {
    if (this.#failed || this.#writing) return;
    this.#writing = keep("trainings", { ...this.#about, progress })
      .catch((error) => {
        this.#failed = true;
        at("kept").replaceChildren(make("p", { class: "notice", role: "status" }, messageOf(error)));
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** The end: nothing is to be kept of a finished one. */
  async last(progress: TrainProgress | undefined): Promise<void> {
    await this.#writing;
    if (progress) this.put(progress);
    else await forget("trainings", this.#about.name).catch(() => {});
    await this.#writing;
  }
}

function showNews(
  config: TrainConfig,
  { epochsDone, losses, deathRate, seconds }: TrainNews,
  start: number,
  moved: string,
): void {
  if (!running?.asked) {
    const left = (seconds / Math.max(1, epochsDone - start)) * (config.epochs - epochsDone);
    say("train", `epoch ${epochsDone} of ${config.epochs}, about ${duration(left)} left${moved}`);
  }
  draw = () => {
    const steps = Math.max(epochsDone, Math.min(config.epochs, Math.ceil(epochsDone * 1.5)));
    at("train-live").replaceChildren(
      lineChart({ name: "Loss", values: losses }, steps, { from: 0 }),
      make(
        "p",
        { class: "caption" },
        `${(100 * deathRate).toFixed(1)} % of the latents did not fire in epoch ${epochsDone}; ${duration(seconds)} so far.`,
      ),
    );
  };
  // Short epochs end a thousand times a second.
  if (!waits)
    setTimeout(() => {
      waits = false;
      draw();
    }, 200);
  waits = true;
}

/** Draws the latest news. */
let draw = (): void => {};
let waits = false;

/** Measures what came out, names it, chooses it and offers its files and its latents. */
async function show(worker: SaeWorker, data: number, state: TrainedState, name: string, moved: string): Promise<void> {
  const { config, progress } = state;
  const finished = progress.epochsDone >= config.epochs;
  say("train", `${finished ? `${name} is trained` : "stopped"}; measuring it …`);
  const first = await worker.call("files", { ...state, name });
  const file = `${name}.autoencoder.onnx`;
  const { row } = await worker.call("evaluate", { data, model: { name: file, bytes: first.autoencoder } });
  const files = finished ? await worker.call("files", { ...state, metrics: row.metrics, name }) : first;
  addModel({ name: file, load: async () => new Blob([files.autoencoder as BlobPart]), kind: "autoencoder" }, true);
  exploreNext(addressOf(name));
  if (finished) await keep("models", { name: file, bytes: files.autoencoder }).catch(() => {});
  const downloads = Object.entries({
    "autoencoder.onnx": files.autoencoder,
    "encoder.onnx": files.encoder,
    safetensors: files.checkpoint,
  });
  at("train-result").replaceChildren(
    make("a", { class: "primary", href: addressOf(name) }, `Look into ${name}`),
    make("span", {}, "or download"),
    ...downloads.map(([suffix, bytes]) => button(`${name}.${suffix}`, () => download(`${name}.${suffix}`, bytes))),
  );
  at("train-result").dataset.row = JSON.stringify({ ...row, loss: progress.loss });
  const measured = inWords(row.metrics);
  say(
    "train",
    finished
      ? `${name} is done on ${dataName()}: ${measured}${moved}`
      : `stopped after ${progress.epochsDone} of ${config.epochs} epochs, ${measured}${moved}; Resume goes on`,
  );
}

/** The two numbers to look at first, each with what it is to be compared with. */
function inWords(metrics: Readonly<Record<string, number | null>>): string {
  const { explained_variance: variance, mean_predictor_explained_variance: ofMean, feature_death_rate: dead } = metrics;
  const isBelow = (metrics.explained_variance_centered ?? 0) < 0;
  const mean = `always predicting the mean row: ${short(ofMean)}`;
  const share = typeof dead === "number" ? `; ${(100 * dead).toFixed(1)} % of the latents fire in no row` : "";
  return `explained variance ${short(variance)} (${isBelow ? "below " : ""}${mean})${share}`;
}

/** Brings back what was trained here before: finished SAEs, and trainings to go on with. */
export async function restoreTrainings(): Promise<void> {
  for (const { name, bytes } of await kept("models"))
    addModel({ name, load: async () => new Blob([bytes as BlobPart]), kind: "autoencoder" }, false);
  const place = at("kept");
  for (const one of await kept("trainings")) {
    const release = await own(one.name);
    if (!release) continue;
    release();
    const { name, config, progress } = one;
    reserved.add(name);
    const line = make(
      "p",
      { class: "notice", role: "status" },
      `A training of ${name} on ${one.dataName} was left after ${progress.epochsDone} of ${config.epochs} epochs. `,
    );
    line.append(
      button("Go on", () => {
        location.hash = "#train";
        void attempt("train", () => goOn(one, () => line.remove()));
      }),
      " ",
      button("Forget it", () => {
        line.remove();
        reserved.delete(name);
        void forget("trainings", name);
      }),
    );
    place.append(line);
  }
}

async function goOn(kept: KeptTraining, begun: () => void): Promise<void> {
  const { name, config, progress, digest, layer, position, dataName: source, data, labels } = kept;
  await startForm();
  showConfig(config);
  addData(
    { name: source, load: async () => data, labels: labels === undefined ? undefined : async () => labels },
    true,
  );
  halfway = { name, config, progress, digest, layer, position };
  await train({ config, name, from: progress, digest, begun });
}
