import type { SaeRecord } from "../browser.ts";
import { at, button, make, messageOf, say, short, table } from "./dom.ts";
import { attempt, chosenProvider, onRestart, theWorker } from "./engine.ts";
import {
  allModels,
  bytesOf,
  calledOf,
  type DataSource,
  dataChosen,
  onShelf,
  type SaeSource,
  theData,
} from "./shelf.ts";

interface Latents {
  readonly frequency: ArrayLike<number>;
  readonly mean_activation: ArrayLike<number>;
  readonly max_activation: ArrayLike<number>;
}

/** What was measured, and on what. */
interface Measured {
  readonly rows: readonly SaeRecord[];
  readonly latents: Readonly<Record<string, Latents>>;
  /** Those that were to be measured; some may have been left out. */
  readonly models: readonly SaeSource[];
  readonly data: DataSource;
  readonly note: string;
  /** As it was chosen. */
  readonly provider: string;
}

let measured: Measured | undefined;
let drawn: { readonly of: Measured; readonly width: number } | undefined;

const boxes = () => [...document.querySelectorAll<HTMLInputElement>("#evaluate-models input")];
const chosen = () => allModels().filter(({ name }) => boxes().some((box) => box.checked && box.value === name));

/** The Evaluate tab. */
export function startEvaluate(): void {
  const run = at<HTMLButtonElement>("evaluate-run");
  at("evaluate-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    run.disabled = true;
    await attempt("evaluate", measure);
    run.disabled = false;
  });
  at("evaluate-models").addEventListener("change", stale);
  at("provider").addEventListener("change", stale);
  onShelf((what) => {
    if (what === "models") listModels();
    stale();
  });
  onRestart(stale);
  listModels();
  // Figures are drawn for a width: again when the window has another, or the tab is shown.
  let waiting: ReturnType<typeof setTimeout> | undefined;
  new ResizeObserver(() => {
    clearTimeout(waiting);
    waiting = setTimeout(() => void drawFigures().catch((error) => say("evaluate", messageOf(error), true)), 200);
  }).observe(at("evaluate-figures"));
}

/** The SAEs that can be chosen; those that came with codes alone cannot. */
function listModels(): void {
  const before = new Map(boxes().map((box) => [box.value, box.checked]));
  const lines = allModels()
    .filter(({ kind }) => kind !== "codes")
    .map((model) => {
      const { name, kind } = model;
      const box = make("input", { type: "checkbox", value: name });
      box.checked = kind !== "encoder" && (before.get(name) ?? true);
      box.disabled = kind === "encoder";
      const why = kind === "encoder" ? " (an encoder alone; its autoencoder can be measured)" : "";
      return make("label", { class: "check" }, box, ` ${calledOf(model)}${why}`);
    });
  at("evaluate-models").replaceChildren(
    ...(lines.length > 0 ? lines : [make("p", {}, "None yet: open .autoencoder.onnx files above, or train one.")]),
  );
}

/** Greys what was measured of other models, activations or on another provider, and offers to measure again. */
function stale(): void {
  if (!measured) return;
  const why = [ofOtherData, ofOtherModels, elsewhere].map((one) => one(measured!)).find(Boolean) ?? "";
  const place = at("evaluate-stale");
  place.hidden = why === "";
  for (const id of ["evaluate-result", "evaluate-figures"]) at(id).classList.toggle("stale", why !== "");
  if (why)
    place.replaceChildren(
      `What stands here was measured ${why}. `,
      button("Measure again", () => at("evaluate-run").click()),
    );
}

/** Labels that came since change no figure: it is the rows that count. */
function ofOtherData({ data }: Measured): string {
  const now = dataChosen();
  if (data.load === now?.load) return "";
  return data.name === now?.name ? `on an earlier ${data.name}` : `on ${data.name}`;
}

function ofOtherModels({ models }: Measured): string {
  const now = chosen();
  const differ = <T>(of: (model: SaeSource) => T) =>
    models.length !== now.length || !models.every((model) => now.some((one) => of(one) === of(model)));
  if (differ(({ name }) => name)) return "of other SAEs than are chosen";
  return differ((model) => model) ? "of earlier SAEs of these names" : "";
}

const elsewhere = ({ provider, note }: Measured): string => (provider === chosenProvider() ? "" : `on ${note}`);

async function measure(): Promise<void> {
  const models = chosen();
  if (models.length === 0) throw new Error("no SAE is chosen; open .autoencoder.onnx files above, or train one");
  const [worker, data] = await Promise.all([theWorker(), theData()]);
  const { metricKeys } = await import("./figures.ts");
  const rows: SaeRecord[] = [];
  const latents: Record<string, Latents> = {};
  const failed: string[] = [];
  const source = data.source.name;
  const note = worker.note.split(",")[0]!;
  measured = undefined;
  at("evaluate-figures").replaceChildren();
  for (const [i, model] of models.entries()) {
    say("evaluate", `measuring ${calledOf(model)}, ${i + 1} of ${models.length}`);
    try {
      const { row, evaluation } = await worker.call("evaluate", { data: data.id, model: await bytesOf(model) });
      const name = calledOf(model);
      rows.push({ ...row, name });
      const { frequency, mean_activation, max_activation } = evaluation.latents;
      if (frequency && mean_activation && max_activation)
        latents[name] = { frequency, mean_activation, max_activation };
    } catch (error) {
      // One that does not fit is said and left out; after a failure of the worker nothing more can be measured.
      if (error instanceof Error && error.name === "RuntimeFailure") throw error;
      failed.push(messageOf(error));
    }
    at("evaluate-result").replaceChildren(...(rows.length > 0 ? [metricTable(rows, metricKeys, source, note)] : []));
  }
  at("evaluate-result").dataset.rows = JSON.stringify(rows);
  if (rows.length > 0) measured = { rows, latents, models, data: data.source, note, provider: chosenProvider() };
  stale();
  await drawFigures();
  const left = failed.length > 0 ? `; left out: ${failed.join("; ")}` : "";
  if (rows.length === 0) throw new Error(failed.join("; "));
  say("evaluate", `${rows.length} measured on ${worker.note}${left}`, failed.length > 0);
}

/** Draws what is measured, unless it is drawn already, or cannot be seen. */
async function drawFigures(): Promise<void> {
  const place = at("evaluate-figures");
  const width = Math.min(860, place.clientWidth);
  const of = measured;
  if (!of || width === 0 || (drawn?.of === of && drawn.width === width)) return;
  const mine = { of, width };
  drawn = mine;
  const { drawFigure, figuresOf, ownIds } = await import("./figures.ts");
  for (const { name, caption, spec } of figuresOf(of.rows, { width, latents: of.latents })) {
    const drawing = make("div", { class: "drawing", tabindex: "0", role: "group", "aria-label": caption });
    drawing.innerHTML = ownIds(await drawFigure(spec), name);
    const words = `${caption} Measured on ${of.data.name}, ${of.note}.`;
    const figure = make("figure", { id: name }, drawing, make("figcaption", {}, words));
    if (drawn !== mine) return;
    const old = document.getElementById(name);
    if (old) old.replaceWith(figure);
    else place.append(figure);
  }
}

function metricTable(
  rows: readonly SaeRecord[],
  keys: Readonly<Record<string, { readonly label: string; readonly definition: string }>>,
  data: string,
  note: string,
): HTMLElement {
  const shown = Object.keys(keys).filter((key) => rows.some(({ metrics }) => key in metrics));
  const whole = table(
    `Measured on ${data}, ${note}`,
    ["SAE", ">latents", ">k", ...shown.map((key) => `>${keys[key]!.label}`)],
    rows.map((row) => [row.name, short(row.latent_dim), short(row.k), ...shown.map((key) => short(row.metrics[key]))]),
  );
  // What a column means stands behind its title.
  for (const [i, title] of [...whole.querySelectorAll("th")].slice(3).entries())
    title.title = keys[shown[i]!]!.definition;
  return whole;
}
