import { drawFigure, escapeHtml, figuresOf, type MetricRow, metricKeys, ownIds } from "../browser.ts";
import { at, say, short, table } from "./dom.ts";
import { attempt, theData, theModels, theWorker } from "./files.ts";

interface Latents {
  readonly frequency: ArrayLike<number>;
  readonly mean_activation: ArrayLike<number>;
  readonly max_activation: ArrayLike<number>;
}

/** Rows measured so far, for other tabs and for tests. */
let rows: readonly MetricRow[] = [];

/** The Evaluate tab. */
export function startEvaluate(): void {
  const button = at<HTMLButtonElement>("evaluate-run");
  button.addEventListener("click", async () => {
    button.disabled = true;
    await attempt("evaluate", run);
    button.disabled = false;
  });
}

async function run(): Promise<void> {
  const result = at("evaluate-result");
  result.replaceChildren();
  const [worker, data, models] = await Promise.all([theWorker(), theData(), theModels()]);
  const latents: Record<string, Latents> = {};
  rows = [];
  for (const [i, model] of models.entries()) {
    say("evaluate", `measuring ${model.name}, ${i + 1} of ${models.length}`);
    const { row, evaluation } = await worker.call("evaluate", { data: data.id, model });
    rows = [...rows, row];
    const { frequency, mean_activation, max_activation } = evaluation.latents;
    if (frequency && mean_activation && max_activation)
      latents[row.name] = { frequency, mean_activation, max_activation };
    result.innerHTML = metricTable(rows);
  }
  result.dataset.rows = JSON.stringify(rows);
  const width = Math.min(860, result.clientWidth);
  for (const { name, caption, spec } of figuresOf(rows, { width, latents })) {
    const figure = document.createElement("figure");
    figure.innerHTML = `<div class="drawing">${ownIds(await drawFigure(spec), name)}</div><figcaption>${escapeHtml(caption)}</figcaption>`;
    figure.id = name;
    result.append(figure);
  }
  say("evaluate", `${models.length} measured on ${worker.note}`);
}

function metricTable(measured: readonly MetricRow[]): string {
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
