import type { DataSummary, ModelFile, Recognised } from "../browser.ts";
import { at, type Child, make, many, messageOf, say } from "./dom.ts";
import { attempt, onRestart, theWorker } from "./engine.ts";
import { fetched, once } from "./fetched.ts";
import { routeOf } from "./route.ts";

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

/**
 * Activations, with their labels where there are some. Other content under the same name is another source, and so are the same rows
 * with other labels: what was made of a source is compared with the source, never by name.
 */
export interface DataSource extends Source {
  readonly labels?: (() => Promise<string>) | undefined;
  /** The file of the labels. */
  readonly labelsName?: string | undefined;
}

/** Activations that the worker has read, and of which source. */
export type DataRead = DataSummary & { readonly source: DataSource };

/** An SAE: a frozen model, or codes that were computed beforehand. Other content under the same name is another source. */
export interface SaeSource extends Source {
  readonly kind: Recognised["kind"];
}

/** Larger files are refused before they are read: a tab holds them twice, and one array is at most 2 GB in some browsers. */
const largest = 2 ** 31;

const data: DataSource[] = [];
const models: SaeSource[] = [];
/** The language model that is read with, its tokenizer, and what says which tokens latents promote. */
const texts: { model?: Source; tokenizer?: Source; unembedding?: Source } = {};

let loaded: { readonly source: DataSource; readonly summary: Promise<DataRead> } | undefined;
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

export const allModels = (): readonly SaeSource[] => models;

/** What a file of an SAE may be called, shortest first: `sae_d512_k5`, `sae_d512_k5.encoder`, and its whole name. */
const callings = (name: string): ReadonlySet<string> =>
  new Set([
    name.replace(/\.(autoencoder|encoder|evaluator)?\.?(onnx|safetensors)$/, ""),
    name.replace(/\.(onnx|safetensors)$/, ""),
    name,
  ]);

/** Of several files of one SAE, which their common name means: the one that most can be done with. */
const byUse: readonly Recognised["kind"][] = ["autoencoder", "codes", "encoder", "evaluator"];
const meant = new Map<string, SaeSource>();
function findMeanings(): void {
  meant.clear();
  for (const model of models.toSorted((a, b) => byUse.indexOf(a.kind) - byUse.indexOf(b.kind)))
    for (const called of callings(model.name)) if (!meant.has(called)) meant.set(called, model);
  for (const model of models) meant.set(model.name, model);
}

export const modelCalled = (called: string): SaeSource | undefined => meant.get(called);

/** What addresses, lists and tables call an SAE now: the shortest name that means it and no other. */
export const calledOf = ({ name }: Source): string =>
  [...callings(name)].find((called) => meant.get(called)?.name === name) ?? name;

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

/** The chosen activations, where there are some. */
export const dataChosen = (): DataSource | undefined => data[at<HTMLSelectElement>("data").selectedIndex];
const neededData = (): DataSource => {
  const source = dataChosen();
  if (!source) throw new Error("no activations are open; open a .npy, .npz or .safetensors file above");
  return source;
};

/** The chosen activations, read by the worker once. @throws when none are chosen or they cannot be read. */
export async function theData(): Promise<DataRead> {
  const source = neededData();
  if (loaded?.source !== source) {
    const summary = read(source, loaded?.summary);
    loaded = { source, summary };
    summary.catch(() => {
      if (loaded?.summary === summary) loaded = undefined;
    });
  }
  const whole = await loaded.summary;
  if (dataChosen() === whole.source) sayData(whole);
  return whole;
}

/** The chosen activations as a worker reads them. */
export const theSource = () => sourceRead(neededData());

async function sourceRead(source: DataSource) {
  const { name, load, labels, labelsName = `${name}'s labels` } = source;
  const fitting = unfit.has(source) ? undefined : labels;
  return { name, file: await load(), labels: fitting && { name: labelsName, text: await fitting() } };
}

/** Activations that are used without their labels, and what is wrong with these. */
const unfit = new WeakMap<DataSource, string>();

async function read(source: DataSource, earlier: Promise<DataRead> | undefined): Promise<DataRead> {
  const running = await theWorker();
  const before = await earlier?.catch(() => undefined);
  if (before) await running.call("drop", { data: before.id });
  const given = await sourceRead(source);
  const summary = await running.call("read", given).catch((error) => {
    // Labels that do not fit do not take the rows with them.
    if (!given.labels || !messageOf(error).startsWith(`${given.labels.name}:`)) throw error;
    unfit.set(source, messageOf(error));
    return running.call("read", { ...given, labels: undefined });
  });
  widths.set(source, summary.inputDim);
  return { ...summary, source };
}

function sayData({ rows, inputDim, info, labelled, source }: DataRead): void {
  const wrong = unfit.get(source);
  const sizes = `${many(rows, "row")} of ${inputDim}, ${info.train_rows.toLocaleString("en")} train, ${info.validation_rows.toLocaleString("en")} validate`;
  const texts = wrong
    ? `, without texts. ${wrong} and open it as ${labelsNameOf(source.name)}`
    : labelled
      ? ", with texts"
      : "";
  say("data", sizes + texts, wrong !== undefined);
}

const widths = new Map<DataSource, number>();

/** The chosen activations where they are as wide as a model takes them; else the first that are, which are then chosen. */
export async function dataFor(width: number | undefined): Promise<DataRead> {
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
    select.append(new Option(source.name, source.name));
  }
  if (choose || select.options.length === 1) select.selectedIndex = old >= 0 ? old : list.length - 1;
}

/** Puts an SAE among those to choose from. */
export function addModel(source: SaeSource, choose: boolean): void {
  add("model", models, source, choose);
  findMeanings();
  // One that came may be what others are now to be told from.
  for (const [i, option] of [...at<HTMLSelectElement>("model").options].entries()) option.text = calledOf(models[i]!);
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

/** A file that can be used, and the line that says what it is. */
interface Known {
  readonly file: File;
  readonly is: Recognised;
  readonly line: HTMLElement;
}

/** Takes files of any kind, says of each what it is, and keeps what can be used. Gives those that were taken, by kind. */
export async function take(files: readonly File[]): Promise<void> {
  const list = at("recognised");
  list.replaceChildren();
  const worker = await theWorker();
  const known: Known[] = [];
  for (const file of files) {
    const line = make("li", {}, make("b", {}, file.name), " ");
    list.append(line);
    try {
      refuse(file);
      const is = await worker.call("recognise", { name: file.name, file });
      known.push({ file, is, line });
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

async function keep(known: readonly Known[], list: HTMLElement) {
  const of = (kind: Recognised["kind"]) => known.filter(({ is }) => is.kind === kind).map(({ file }) => file);
  if (keepData(of("activations"), of("labels"), list)) await attempt("data", async () => void (await theData()));
  const saes = known.filter(({ is }) => ["autoencoder", "encoder", "evaluator", "codes"].includes(is.kind));
  const made = saes.map(({ file, is }): SaeSource => ({ name: file.name, load: async () => file, kind: is.kind }));
  for (const source of made) addModel(source, source.kind !== "evaluator");
  for (const [kind, key] of [
    ["language model", "model"],
    ["tokenizer", "tokenizer"],
    ["unembedding", "unembedding"],
  ] as const)
    for (const file of of(kind)) {
      texts[key] = { name: file.name, load: async () => file };
      changed(key === "unembedding" ? key : "texts");
    }
  for (const { is, line } of known) line.append(...needed(is.kind));
  for (const file of of("checkpoint")) onCheckpoint(file);
  const first = made.find(({ kind }) => kind !== "evaluator");
  if (first) onOpen(first);
}

/** Takes activations, each with its labels, and labels of activations that are here; gives whether any came of it. */
function keepData(activations: readonly File[], labels: readonly File[], list: HTMLElement): boolean {
  const belonging = (file: File) => data.find(({ name }) => labelsNameOf(name) === file.name);
  const labelling = (file: File) => ({ labels: () => file.text(), labelsName: file.name });
  const left = new Set(labels);
  let came = activations.length > 0;
  for (const file of activations) {
    const named = labels.find(({ name }) => name === labelsNameOf(file.name));
    const [only] = activations.length === 1 && labels.length === 1 && !belonging(labels[0]!) ? labels : [];
    const own = named ?? only;
    if (own) left.delete(own);
    addData({ name: file.name, load: async () => file, ...(own && labelling(own)) }, true);
  }
  for (const file of left) {
    const source = belonging(file);
    if (source) addData({ ...source, ...labelling(file) }, true);
    else list.append(make("li", { class: "wrong" }, `${file.name} waits for its activations; open them together`));
    came ||= source !== undefined;
  }
  return came;
}

/** What else it takes before a file of a kind is of use. */
function needed(kind: Recognised["kind"]): readonly Child[] {
  if (kind === "language model" && !texts.tokenizer) return ["; it needs its tokenizer.json"];
  const open = models[at<HTMLSelectElement>("model").selectedIndex];
  if (kind === "activations" && open?.kind === "codes")
    return [
      "; to explore them open or choose an SAE of such activations, or ",
      make("a", { href: "#train" }, "train one"),
    ];
  return [];
}

function listen(): void {
  const input = at<HTMLInputElement>("file");
  at("open").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.value = "";
    if (files.length > 0) void attempt("files", () => take(files));
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
    if (files.length > 0) void attempt("files", () => take(files));
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
  const load = once(() => fetched("demo.safetensors", "the demonstration"));
  addModel({ name: "demo", load, kind: "codes" }, true);
  // Where it is what is shown first, it comes while the worker starts.
  const { tab, model = "demo" } = routeOf(location.hash);
  if (tab === "explore" && model === "demo") void load().catch(() => {});
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
