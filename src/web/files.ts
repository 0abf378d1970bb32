import { type DataSummary, type ModelFile, SaeWorker, type WorkerOptions } from "../browser.ts";
import { at, attempt as attemptOnly, say } from "./dom.ts";
import { Renewed } from "./renewed.ts";

/** What the server offers beside the page: addresses relative to it. */
interface Catalog {
  readonly data: readonly { readonly name: string; readonly url: string; readonly labels?: string }[];
  readonly models: readonly { readonly name: string; readonly url: string }[];
}

interface Source {
  readonly name: string;
  readonly load: () => Promise<Blob>;
  readonly labels?: (() => Promise<string>) | undefined;
}

/** Larger files are refused before they are read: a tab holds them twice, and one array is at most 2 GB in some browsers. */
const largest = 2 ** 31;

const data: Source[] = [];
const models: Source[] = [];
let loaded: { readonly source: Source; readonly summary: Promise<DataSummary> } | undefined;

const worker = new Renewed(async () => {
  const provider = at<HTMLSelectElement>("provider").value as NonNullable<WorkerOptions["provider"]>;
  const started = await SaeWorker.start({ provider });
  const { note, threads } = started;
  at("where").textContent =
    `Computes on ${note}${note.startsWith("WebGPU") ? "" : `, ${threads} thread${threads === 1 ? "" : "s"}`}.`;
  return started;
});

/** The worker for the provider that is chosen; made when it is first needed. */
export const theWorker = (): Promise<SaeWorker> => worker.get();

/** Gives the worker up, with all it holds: after a failure, or for another provider. */
export function restart(): Promise<void> {
  loaded = undefined;
  return worker.giveUp();
}

/** Runs some work of the worker, and says its error beside `id`. A failure in its middle may have left the worker unusable: the next is a new one. */
export function attempt(id: string, work: () => Promise<void>): Promise<void> {
  return attemptOnly(id, () =>
    work().catch(async (error) => {
      if (error.name === "RuntimeFailure") await restart();
      throw error;
    }),
  );
}

/** The chosen activations, read by the worker once. @throws when none are chosen or they cannot be read. */
export async function theData(): Promise<DataSummary> {
  const source = data[at<HTMLSelectElement>("data").selectedIndex];
  if (!source) throw new Error("no activations are chosen; choose or drop a file above");
  if (loaded?.source !== source) {
    const summary = read(loaded?.summary);
    loaded = { source, summary };
    summary.catch(() => {
      loaded = undefined;
    });
  }
  return loaded.summary;
}

/** The chosen activations as a worker reads them. */
export async function theSource() {
  const source = data[at<HTMLSelectElement>("data").selectedIndex];
  if (!source) throw new Error("no activations are chosen; choose or drop a file above");
  const labels = source.labels && { name: `${source.name}'s labels`, text: await source.labels() };
  return { name: source.name, file: await source.load(), labels };
}

async function read(earlier: Promise<DataSummary> | undefined): Promise<DataSummary> {
  const running = await theWorker();
  const before = await earlier?.catch(() => undefined);
  if (before) await running.call("drop", { data: before.id });
  const summary = await running.call("read", await theSource());
  const { rows, inputDim, info, labelled } = summary;
  say(
    "data",
    `${rows} rows of ${inputDim}, ${info.train_rows} train, ${info.validation_rows} validate${labelled ? ", with texts" : ""}`,
  );
  return summary;
}

/** The chosen models. @throws when none is chosen. */
export async function theModels(): Promise<readonly ModelFile[]> {
  const chosen = [...at<HTMLSelectElement>("model").selectedOptions].map(({ index }) => models[index]!);
  if (chosen.length === 0) throw new Error("no model is chosen; choose or drop .autoencoder.onnx files above");
  return Promise.all(
    chosen.map(async ({ name, load }) => ({ name, bytes: new Uint8Array(await (await load()).arrayBuffer()) })),
  );
}

/** Puts a model among those to choose from. */
export function addModel(name: string, bytes: Uint8Array): void {
  add("model", models, { name, load: async () => new Blob([bytes as BlobPart]) });
}

function add(id: "data" | "model", list: Source[], source: Source): void {
  const select = at<HTMLSelectElement>(id);
  const old = list.findIndex(({ name }) => name === source.name);
  if (old >= 0) list[old] = source;
  else {
    list.push(source);
    const option = new Option(source.name.replace(/\.autoencoder\.onnx$/, ""), source.name);
    option.title = source.name;
    select.append(option);
  }
  if (!select.multiple) select.selectedIndex = old >= 0 ? old : list.length - 1;
  else select.options[old >= 0 ? old : list.length - 1]!.selected = true;
}

function refuse(file: File): void {
  if (file.size > largest)
    throw new Error(
      `${file.name}: ${(file.size / 2 ** 30).toFixed(1)} GiB, a tab takes files up to 2 GiB; split it, store it as float16, or use sae-onnx on the command line`,
    );
  if (file.size === 0) throw new Error(`${file.name}: is empty; get the file again`);
}

function takeData(files: readonly File[]): Promise<void> {
  return attempt("data", async () => {
    const wrong = files.find(({ name }) => !/\.(npy|npz|safetensors|labels\.jsonl)$/i.test(name));
    if (wrong)
      throw new Error(
        `${wrong.name}: activations are .npy, .npz or .safetensors files${/\.onnx$/i.test(wrong.name) ? "; drop models on Models" : ""}`,
      );
    for (const file of files) refuse(file);
    const labels = files.find(({ name }) => /\.jsonl$/i.test(name));
    const matrix = files.find(({ name }) => !/\.jsonl$/i.test(name));
    if (!matrix) throw new Error(`${labels?.name}: labels come together with their activations; choose both`);
    add("data", data, { name: matrix.name, load: async () => matrix, labels: labels && (() => labels.text()) });
    await theData();
  });
}

function takeModels(files: readonly File[]): Promise<void> {
  return attempt("model", async () => {
    for (const file of files) {
      if (!/\.onnx$/i.test(file.name))
        throw new Error(`${file.name}: models are .onnx files, as sae-onnx train writes`);
      refuse(file);
    }
    for (const option of at<HTMLSelectElement>("model").options) option.selected = false;
    for (const file of files) add("model", models, { name: file.name, load: async () => file });
  });
}

const fetched = async (url: string): Promise<Response> => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status}; is the folder still there?`);
  return response;
};

function accept(id: "data" | "model", take: (files: readonly File[]) => Promise<void>): void {
  const input = at<HTMLInputElement>(`${id}-file`);
  input.addEventListener("change", () => void take([...(input.files ?? [])]));
  const field = at(`${id}-field`);
  field.addEventListener("dragover", (event) => {
    event.preventDefault();
    field.classList.add("over");
  });
  field.addEventListener("dragleave", () => field.classList.remove("over"));
  field.addEventListener("drop", (event) => {
    event.preventDefault();
    field.classList.remove("over");
    void take([...(event.dataTransfer?.files ?? [])]);
  });
}

/** Fills the lists with what the server offers, and listens for files. */
export async function start(): Promise<void> {
  accept("data", takeData);
  accept("model", takeModels);
  // A file dropped beside the fields would take the place of the page.
  for (const event of ["dragover", "drop"]) document.addEventListener(event, (e) => e.preventDefault());
  at("data").addEventListener("change", () => void attempt("data", async () => void (await theData())));
  at("provider").addEventListener(
    "change",
    () =>
      void attempt("provider", async () => {
        await restart();
        await theWorker();
      }),
  );
  await attempt("data", async () => {
    const response = await fetched("catalog.json");
    const catalog = await (response.json() as Promise<Catalog>).catch(() => {
      throw new Error("catalog.json: is not the list that sae-onnx serve writes; serve the whole folder of the page");
    });
    for (const { name, url, labels } of catalog.data)
      add("data", data, {
        name,
        load: async () => (await fetched(url)).blob(),
        labels: labels ? async () => (await fetched(labels)).text() : undefined,
      });
    for (const { name, url } of catalog.models)
      add("model", models, { name, load: async () => (await fetched(url)).blob() });
    const select = at<HTMLSelectElement>("model");
    for (const option of select.options) option.selected = option.index === 0;
    if (catalog.models.length === 0) say("model", "none here yet; train some in the Train tab, or with sae-onnx train");
    at<HTMLSelectElement>("data").selectedIndex = 0;
    await theWorker();
    if (catalog.data.length > 0) await theData();
  });
}
