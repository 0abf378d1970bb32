import {
  escapeHtml,
  type Found,
  type Label,
  type LatentProfile,
  type LatentTable,
  type ModelFile,
  type RowCode,
  type SaeWorker,
} from "../browser.ts";
import { at, say, short, table } from "./dom.ts";
import { attempt, theData, theModels, theWorker } from "./files.ts";

interface Opened {
  readonly worker: SaeWorker;
  readonly model: ModelFile;
  readonly id: number;
  readonly data: number;
  readonly table: LatentTable;
  readonly latentDim: number;
}

let opened: Opened | undefined;
const listed = 200;

/** The Explore tab. */
export function startExplore(): void {
  at("explore-open").addEventListener("click", () => void attempt("explore", open));
  at("explore-sort").addEventListener("change", () => list());
  at("explore-find").addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = at<HTMLInputElement>("explore-search").value.trim();
    if (wanted === "") list();
    else if (/^[-+.\d]+$/.test(wanted)) void showLatent(Number(wanted));
    else void attempt("latent", () => search(wanted));
  });
  at("row-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt("row", () => showRow(at<HTMLInputElement>("row-input").value));
  });
  // Buttons in tables: a latent's or a row's number.
  at("explore-result").addEventListener("click", ({ target }) => {
    const { latent, row } = (target as HTMLElement).dataset;
    if (latent !== undefined) void showLatent(Number(latent));
    if (row !== undefined) {
      at<HTMLInputElement>("row-input").value = row;
      void attempt("row", () => showRow(row));
    }
  });
}

async function open(): Promise<void> {
  const [model] = await theModels();
  await lookInto(model!);
  await showLatent(order()[0]!);
}

async function lookInto(model: ModelFile): Promise<Opened> {
  say("explore", "encoding every row …");
  const [worker, data] = await Promise.all([theWorker(), theData()]);
  const before = opened;
  opened = { ...(await worker.call("explore", { data: data.id, model })), worker, model, data: data.id };
  if (before?.worker === worker) await worker.call("close", { explorer: before.id });
  const alive = opened.table.frequency.filter((share) => share > 0).length;
  say("explore", `${model.name}: ${alive} of ${opened.latentDim} latents fire in ${data.rows} rows`);
  at("explore-result").hidden = false;
  list();
  return opened;
}

/** The open model; looked into again where its worker was given up, or other activations are chosen since. */
async function theOpened(): Promise<Opened> {
  if (!opened) throw new Error("no model is open; look into one first");
  const [worker, data] = await Promise.all([theWorker(), theData()]);
  if (opened.worker === worker && opened.data === data.id) return opened;
  return lookInto(opened.model).catch((error) => {
    say("explore", "");
    throw error;
  });
}

/** Latents by words of the texts that activate them most. */
async function search(words: string): Promise<void> {
  const { worker, id, data } = await theOpened();
  const found = await worker.call("search", { explorer: id, data, words });
  list(found);
  if (found.length === 0)
    throw new Error(`no latent has “${words}” in the texts that activate it most; try one word, or fewer letters`);
  await showLatent(found[0]!.latent);
  say("latent", `${found.length} latents have “${words}” in the texts of their 20 strongest rows`);
}

/** Latents in the order that is chosen. */
function order(): number[] {
  const all = Array.from({ length: opened!.latentDim }, (_, latent) => latent);
  const by = at<HTMLSelectElement>("explore-sort").value as keyof LatentTable | "index";
  if (by === "index") return all;
  const values = opened!.table[by];
  return all.sort((a, b) => values[b]! - values[a]! || a - b);
}

/** The table of latents: in the chosen order, or those that were found. */
function list(found?: readonly Found[]): void {
  if (!opened) return;
  const { frequency, mean_activation, max_activation } = opened.table;
  const latents = found?.map(({ latent }) => latent) ?? order();
  const rows = latents
    .slice(0, listed)
    .map((latent, i) => [
      `<button data-latent="${latent}">${latent}</button>`,
      ...(found ? [`${(100 * found[i]!.share).toFixed(0)}%`] : []),
      `${(100 * frequency[latent]!).toPrecision(3)}%`,
      short(mean_activation[latent]),
      short(max_activation[latent]),
    ]);
  const rest = latents.length > listed ? `<p class="faint">The first ${listed}; find others by number.</p>` : "";
  const columns = ["latent", ...(found ? [">with the words"] : []), ">fires in", ">mean", ">largest"];
  at("explore-list").innerHTML = `${table(columns, rows)}${rest}`;
}

function showLatent(latent: number): Promise<void> {
  return attempt("latent", async () => {
    const { worker, id, data } = await theOpened();
    const profile = await worker.call("latent", { explorer: id, latent });
    const rows = profile.top.map(({ index }) => index);
    at("explore-latent").innerHTML = latentHtml(profile, await worker.call("labels", { data, rows }));
  });
}

function latentHtml(
  { latent, fired, histogram, top, nearest }: LatentProfile,
  labels: readonly (Label | null)[],
): string {
  const highest = Math.max(...histogram.map(({ count }) => count), 1);
  const bars = histogram
    .map(
      ({ from, to, count }) =>
        `<i style="height:${(100 * count) / highest}%" title="${count} rows from ${short(from)} to ${short(to)}"></i>`,
    )
    .join("");
  const drawn =
    fired === 0
      ? "<p>It never fires.</p>"
      : `<p>Fires in ${fired} rows. How strongly:</p><div class="bars" role="img" aria-label="Histogram of ${fired} activations from ${short(histogram[0]!.from)} to ${short(histogram.at(-1)!.to)}">${bars}</div><div class="ends"><span>${short(histogram[0]!.from)}</span><span>${short(histogram.at(-1)!.to)}</span></div>`;
  const rows = top.map(({ index, value }, i) => [
    `<button data-row="${index}">${index}</button>`,
    short(value),
    textOf(labels[i] ?? null),
  ]);
  const near = nearest.map(({ index, cosine }) => [
    `<button data-latent="${index}">${index}</button>`,
    cosine.toFixed(3),
  ]);
  const text = labels.some(Boolean) ? ["text"] : [];
  return `<h2>Latent ${latent}</h2>${drawn}
    ${
      top.length > 0
        ? `<h3>Rows that activate it most</h3>${table(
            ["row", ">activation", ...text],
            rows.map((cells) => cells.slice(0, 2 + text.length)),
          ).replaceAll("<td><span", '<td class="text"><span')}`
        : ""
    }
    ${near.length > 0 ? `<h3>Nearest latents by decoder cosine</h3>${table(["latent", ">cosine"], near)}` : ""}`;
}

/**
 * A row's text, the token marked where the label has its `tokens`; else its position beside it: tokens are not words, so a
 * place in the text would be a guess.
 */
function textOf(label: Label | null): string {
  if (!label) return "";
  const { text, tokens, position } = label;
  if (Array.isArray(tokens) && typeof position === "number") {
    const shown = tokens.map((one, i) =>
      i === position ? `<mark>${escapeHtml(String(one))}</mark>` : escapeHtml(String(one)),
    );
    return `<span>${shown.join("")}</span>`;
  }
  if (typeof text !== "string") return `<span>${escapeHtml(JSON.stringify(label))}</span>`;
  return `<span>${escapeHtml(text)}${typeof position === "number" ? ` <mark>token ${position}</mark>` : ""}</span>`;
}

async function showRow(input: string): Promise<void> {
  const { worker, id, data } = await theOpened();
  const text = input.trim();
  const numbers = text
    .split(/[\s,;[\]]+/)
    .filter(Boolean)
    .map(Number);
  if (numbers.length === 0 || numbers.some((n) => !Number.isFinite(n)))
    throw new Error("write a row's number such as 17, or all its numbers separated by commas");
  const single = numbers.length === 1;
  const code = single
    ? await worker.call("row", { explorer: id, row: numbers[0]! })
    : await worker.call("encodeRow", { explorer: id, x: Float32Array.from(numbers) });
  const [label] = single ? await worker.call("labels", { data, rows: numbers }) : [null];
  at("row-result").innerHTML = rowHtml(code, single ? `Row ${numbers[0]}` : "The row given", label ?? null);
}

function rowHtml({ active, error }: RowCode, name: string, label: Label | null): string {
  const rows = active.map(({ index, value }) => [`<button data-latent="${index}">${index}</button>`, short(value)]);
  return `<h3>${name}</h3><p>${label ? textOf(label) : ""}</p><p>${active.length} active latents; reconstruction error (mean square) ${short(error)}.</p>${table(["latent", ">value"], rows)}`;
}
