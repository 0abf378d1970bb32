import type { DataSummary, ModelFile, Recognised } from "../browser.ts";
import { at, make, many, messageOf, say, size } from "./dom.ts";
import { attempt, onRestart, theWorker } from "./engine.ts";

/** What the server offers beside the page: addresses relative to it. */
interface Catalog {
  readonly data: readonly { readonly name: string; readonly url: string; readonly labels?: string }[];
  readonly models: readonly { readonly name: string; readonly url: string }[];
  readonly texts?: { readonly model: string; readonly tokenizer: string };
}

/** A file that can be loaded when it is needed. */
export interface Source {
  readonly name: string;
  readonly load: () => Promise<Blob>;
}

/** Activations, with their labels where there are some. */
export interface DataSource extends Source {
  readonly labels?: (() => Promise<string>) | undefined;
}

/** An SAE: a frozen model, or codes that were computed beforehand. */
export interface SaeSource extends Source {
  readonly kind: Recognised["kind"];
}

/** Larger files are refused before they are read: a tab holds them twice, and one array is at most 2 GB in some browsers. */
const largest = 2 ** 31;

const data: DataSource[] = [];
const models: SaeSource[] = [];
/** The language model that is read with, its tokenizer, and what says which tokens latents promote. */
const texts: { model?: Source; tokenizer?: Source; unembedding?: Source } = {};

let loaded: { readonly source: DataSource; readonly summary: Promise<DataSummary> } | undefined;
onRestart(() => {
  loaded = undefined;
});

/** Who hears that something was added. */
type What = "models" | "data" | "texts" | "unembedding";
const listeners: ((what: What) => void)[] = [];
export const onShelf = (listener: (what: What) => void): void => void listeners.push(listener);
const changed = (what: What) => {
  for (const listener of listeners) listener(what);
};

/** The name of an SAE without its file's endings: what addresses and tables call it. */
export const stemOf = (name: string): string =>
  name.replace(/\.(autoencoder|encoder|evaluator)?\.?(onnx|safetensors)$/, "");

export const allModels = (): readonly SaeSource[] => models;
export const modelCalled = (stem: string): SaeSource | undefined => models.find(({ name }) => stemOf(name) === stem);
export const theTexts = (): typeof texts => texts;
/** Takes the unembedding from the language model itself. */
export function unembedWithModel(): void {
  if (texts.model) texts.unembedding = texts.model;
  changed("unembedding");
}
export const dataName = (): string => at<HTMLSelectElement>("data").value;

/** A model's bytes. */
export const bytesOf = async ({ name, load }: Source): Promise<ModelFile> => ({
  name,
  bytes: new Uint8Array(await (await load()).arrayBuffer()),
});

const chosenData = (): DataSource => {
  const source = data[at<HTMLSelectElement>("data").selectedIndex];
  if (!source) throw new Error("no activations are open; open a .npy, .npz or .safetensors file above");
  return source;
};

/** The chosen activations, read by the worker once. @throws when none are chosen or they cannot be read. */
export async function theData(): Promise<DataSummary> {
  const source = chosenData();
  if (loaded?.source !== source) {
    const summary = read(source, loaded?.summary);
    loaded = { source, summary };
    summary.catch(() => {
      loaded = undefined;
    });
  }
  return loaded.summary;
}

/** The chosen activations as a worker reads them. */
export async function theSource() {
  const { name, load, labels } = chosenData();
  return { name, file: await load(), labels: labels && { name: `${name}'s labels`, text: await labels() } };
}

async function read(source: DataSource, earlier: Promise<DataSummary> | undefined): Promise<DataSummary> {
  const running = await theWorker();
  const before = await earlier?.catch(() => undefined);
  if (before) await running.call("drop", { data: before.id });
  const summary = await running.call("read", await theSource());
  const { rows, inputDim, info, labelled } = summary;
  widths.set(source, inputDim);
  say(
    "data",
    `${many(rows, "row")} of ${inputDim}, ${info.train_rows.toLocaleString("en")} train, ${info.validation_rows.toLocaleString("en")} validate${labelled ? ", with texts" : ""}`,
  );
  return summary;
}

const widths = new Map<DataSource, number>();

/** The chosen activations where they are as wide as a model takes them; else the first that are, which are then chosen. */
export async function dataFor(width: number | undefined): Promise<DataSummary> {
  const summary = await theData();
  if (width === undefined || summary.inputDim === width) return summary;
  const select = at<HTMLSelectElement>("data");
  const before = select.selectedIndex;
  // What somebody chooses meanwhile stays chosen.
  let mine = before;
  for (const [i, source] of data.entries()) {
    if (select.selectedIndex !== mine) return theData();
    if (i === before || (widths.get(source) ?? width) !== width) continue;
    select.selectedIndex = i;
    mine = i;
    const other = await theData().catch(() => undefined);
    if (other?.inputDim === width) {
      changed("data");
      return other;
    }
  }
  if (select.selectedIndex === mine) select.selectedIndex = before;
  return theData();
}

function add<S extends Source>(id: "data" | "model", list: S[], source: S, choose: boolean): void {
  const select = at<HTMLSelectElement>(id);
  const old = list.findIndex(({ name }) => name === source.name);
  if (old >= 0) list[old] = source;
  else {
    list.push(source);
    const option = new Option(id === "data" ? source.name : stemOf(source.name), source.name);
    select.append(option);
  }
  if (choose || select.options.length === 1) select.selectedIndex = old >= 0 ? old : list.length - 1;
}

/** Puts an SAE among those to choose from. */
export function addModel(source: SaeSource, choose: boolean): void {
  add("model", models, source, choose);
  changed("models");
}

/** Puts activations among those to choose from, and chooses them. */
export function addData(source: DataSource, choose: boolean): void {
  add("data", data, source, choose);
  changed("data");
}

function refuse(file: File): void {
  if (file.size > largest)
    throw new Error(
      `${file.name}: ${(file.size / 2 ** 30).toFixed(1)} GiB, a tab takes files up to 2 GiB; split it, store it as float16, or use sae-onnx on the command line`,
    );
  if (file.size === 0) throw new Error(`${file.name}: is empty; get the file again`);
}

const labelsNameOf = (name: string): string => `${name.replace(/\.(npy|npz|safetensors)$/i, "")}.labels.jsonl`;

/** Takes files of any kind, says of each what it is, and keeps what can be used. Gives those that were taken, by kind. */
export async function take(files: readonly File[]): Promise<void> {
  const list = at("recognised");
  list.replaceChildren();
  const worker = await theWorker();
  const known: { readonly file: File; readonly is: Recognised }[] = [];
  for (const file of files) {
    const line = make("li", {}, make("b", {}, file.name), " ");
    list.append(line);
    try {
      refuse(file);
      const is = await worker.call("recognise", { name: file.name, file });
      known.push({ file, is });
      line.append(is.words);
    } catch (error) {
      line.classList.add("wrong");
      line.append(messageOf(error).replace(`${file.name}: `, ""), " (not kept)");
    }
  }
  await keep(known, list);
}

/** Hears of a checkpoint that was given. */
let onCheckpoint: (file: File) => void = () => {};
export const whenCheckpoint = (listener: (file: File) => void): void => {
  onCheckpoint = listener;
};
let onOpen: (model: SaeSource) => void = () => {};
/** Hears which SAE to open. */
export const whenOpened = (listener: (model: SaeSource) => void): void => {
  onOpen = listener;
};

async function keep(known: readonly { readonly file: File; readonly is: Recognised }[], list: HTMLElement) {
  const of = (kind: Recognised["kind"]) => known.filter(({ is }) => is.kind === kind).map(({ file }) => file);
  const labels = of("labels");
  for (const file of of("activations")) {
    const own =
      labels.find(({ name }) => name === labelsNameOf(file.name)) ?? (labels.length === 1 ? labels[0] : undefined);
    addData({ name: file.name, load: async () => file, labels: own && (() => own.text()) }, true);
  }
  if (labels.length > 0 && of("activations").length === 0) {
    const [first] = labels as [File];
    const belongs = data.find(({ name }) => labelsNameOf(name) === first.name);
    if (belongs) addData({ ...belongs, labels: () => first.text() }, true);
    else list.append(make("li", { class: "wrong" }, `${first.name} waits for its activations; open them together`));
  }
  if (of("activations").length > 0 || labels.length > 0) await attempt("data", async () => void (await theData()));
  const saes = known.filter(({ is }) => ["autoencoder", "encoder", "evaluator", "codes"].includes(is.kind));
  const made = saes.map(({ file, is }): SaeSource => ({ name: file.name, load: async () => file, kind: is.kind }));
  for (const source of made) addModel(source, true);
  for (const [kind, key] of [
    ["language model", "model"],
    ["tokenizer", "tokenizer"],
    ["unembedding", "unembedding"],
  ] as const)
    for (const file of of(kind)) {
      texts[key] = { name: file.name, load: async () => file };
      changed(key === "unembedding" ? key : "texts");
    }
  for (const file of of("checkpoint")) onCheckpoint(file);
  const first = made.find(({ kind }) => kind !== "evaluator");
  if (first) onOpen(first);
}

/** A file from the server; how much of it is there is said while it comes. */
export async function fetched(url: string, what: string): Promise<Blob> {
  const response = await fetch(url).catch(() => {
    throw new Error(`${what}: cannot be fetched from ${url}; is the server still there?`);
  });
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status}; is the folder still there?`);
  if (!response.body) return response.blob();
  const all = Number(response.headers.get("Content-Length") ?? 0);
  const pieces: Uint8Array[] = [];
  let done = 0;
  const reader = response.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value);
    done += next.value.length;
    if (all > 1e6) say("engine", done < all ? `loading ${what}: ${size(done)} of ${size(all)}` : "");
  }
  say("engine", "");
  return new Blob(pieces as BlobPart[]);
}

/** Once: a file that was fetched stays. */
function once<T>(get: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined;
  return () => {
    kept ??= get();
    kept.catch(() => {
      kept = undefined;
    });
    return kept;
  };
}

function listen(): void {
  const input = at<HTMLInputElement>("file");
  at("open").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.value = "";
    if (files.length > 0) void attempt("data", () => take(files));
  });
  const zone = at("drop");
  // The whole page takes them: a file dropped beside the zone would take the place of the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) void attempt("data", () => take(files));
  });
  at("data").addEventListener("change", () => {
    void attempt("data", async () => void (await theData())).then(() => changed("data"));
  });
  at("model").addEventListener("change", () => {
    const chosen = models[at<HTMLSelectElement>("model").selectedIndex];
    if (chosen) onOpen(chosen);
  });
}

/** Fills the lists with the demonstration and what the server offers, and listens for files. */
export async function startShelf(): Promise<void> {
  listen();
  addModel({ name: "demo", load: once(() => fetched("demo.safetensors", "the demonstration")), kind: "codes" }, true);
  await attempt("data", async () => {
    const answer = await fetch("catalog.json").catch(() => undefined);
    if (!answer?.ok) {
      say("data", "this server offers no files of its own");
      return;
    }
    const catalog = await (answer.json() as Promise<Catalog>).catch(() => {
      throw new Error("catalog.json: is not the list that sae-onnx serve writes; serve the whole folder of the page");
    });
    for (const { name, url, labels } of catalog.data)
      addData(
        {
          name,
          load: once(() => fetched(url, name)),
          labels: labels ? once(async () => (await fetched(labels, `${name}'s labels`)).text()) : undefined,
        },
        false,
      );
    for (const { name, url } of catalog.models)
      addModel({ name, load: once(() => fetched(url, name)), kind: "autoencoder" }, false);
    if (catalog.texts) {
      const { model, tokenizer } = catalog.texts;
      const nameOf = (url: string) => decodeURIComponent(url.replace(/^.*\//, ""));
      texts.model = { name: nameOf(model), load: once(() => fetched(model, "the language model")) };
      texts.tokenizer = { name: nameOf(tokenizer), load: once(() => fetched(tokenizer, "its tokenizer")) };
      changed("texts");
    }
  });
}
