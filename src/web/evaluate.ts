import { drawFigure, escapeHtml, figuresOf, metricKeys, ownIds, type SaeRecord } from "../browser.ts";
import { at, say, short, table } from "./dom.ts";
import { attempt, theData, theModels, theWorker } from "./files.ts";

interface Latents {
  readonly frequency: ArrayLike<number>;
  readonly mean_activation: ArrayLike<number>;
  readonly max_activation: ArrayLike<number>;
}

/** What is measured so far, and what of it is drawn, how wide. */
let rows: readonly SaeRecord[] = [];
let latents: Record<string, Latents> = {};
let drawn: { readonly rows: typeof rows; readonly width: number } | undefined;

/** The Evaluate tab. */
export function startEvaluate(): void {
  const button = at<HTMLButtonElement>("evaluate-run");
  button.addEventListener("click", async () => {
    button.disabled = true;
    await attempt("evaluate", run);
    button.disabled = false;
  });
  // Figures are drawn for a width: again when the window has another, or the tab is shown.
  let waiting: ReturnType<typeof setTimeout> | undefined;
  new ResizeObserver(() => {
    clearTimeout(waiting);
    waiting = setTimeout(() => void draw(), 200);
  }).observe(at("evaluate-figures"));
}

async function run(): Promise<void> {
  const result = at("evaluate-result");
  result.replaceChildren();
  at("evaluate-figures").replaceChildren();
  [rows, latents, drawn] = [[], {}, undefined];
  const [worker, data, models] = await Promise.all([theWorker(), theData(), theModels()]);
  const measured: SaeRecord[] = [];
  for (const [i, model] of models.entries()) {
    say("evaluate", `measuring ${model.name}, ${i + 1} of ${models.length}`);
    const { row, evaluation } = await worker.call("evaluate", { data: data.id, model });
    measured.push(row);
    const { frequency, mean_activation, max_activation } = evaluation.latents;
    if (frequency && mean_activation && max_activation)
      latents[row.name] = { frequency, mean_activation, max_activation };
    result.innerHTML = metricTable(measured);
  }
  result.dataset.rows = JSON.stringify(measured);
  rows = measured;
  await draw();
  say("evaluate", `${models.length} measured on ${worker.note}`);
}

/** Draws what is measured, unless it is drawn already, or cannot be seen. */
async function draw(): Promise<void> {
  const place = at("evaluate-figures");
  const width = Math.min(860, place.clientWidth);
  if (rows.length === 0 || width === 0 || (drawn?.rows === rows && drawn.width === width)) return;
  const mine = { rows, width };
  drawn = mine;
  for (const { name, caption, spec } of figuresOf(rows, { width, latents })) {
    const figure = document.createElement("figure");
    figure.innerHTML = `<div class="drawing">${ownIds(await drawFigure(spec), name)}</div><figcaption>${escapeHtml(caption)}</figcaption>`;
    figure.id = name;
    if (drawn !== mine) return;
    const old = document.getElementById(name);
    if (old) old.replaceWith(figure);
    else place.append(figure);
  }
}

function metricTable(measured: readonly SaeRecord[]): string {
  const keys = Object.keys(metricKeys).filter((key) => measured.some(({ metrics }) => key in metrics));
  return table(
    ["SAE", ">latents", ">k", ...keys.map((key) => `>${metricKeys[key]!.label}`)],
    measured.map((row) => [
      escapeHtml(row.name),
      short(row.latent_dim),
      short(row.k),
      ...keys.map((key) => short(row.metrics[key])),
    ]),
  );
}
