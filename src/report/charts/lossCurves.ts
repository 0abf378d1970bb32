import { type Configuration, distinct } from "../configurations.ts";
import { formatNumber } from "../format.ts";
import { defineChart } from "./chart.ts";
import { figure } from "./figure.ts";
import { kName } from "./gridHeatmap.ts";
import { panelSizes } from "./panels.ts";
import { kColors } from "./theme.ts";

const mostPanels = 12;

/** Training loss after each epoch: a panel for each dictionary size, a line for each k and seed, loss on a log axis. */
export const lossCurves = defineChart({
  name: "loss_curves",
  title: "Training Loss by Epoch",
  caption: "Mean over the epoch's steps; one line a seed; logarithmic loss axis.",
  spec(all, { width }) {
    const lines = all.flatMap((one) => one.rows.filter(({ loss }) => loss.some(positive)).map((row) => ({ one, row })));
    const panels = [...new Set(lines.map(({ one }) => panelOf(one)))];
    if (panels.length === 0 || panels.length > mostPanels) return null;
    const ks = distinct(
      lines.map(({ one }) => one),
      "k",
    ).map(kName);
    const values = lines.flatMap(({ one, row }) => {
      const [first, last] = [row.loss.find(positive), row.loss.findLast(positive)];
      const tip = `${one.label}${Number.isNaN(row.seed) ? "" : `, seed ${row.seed}`}: loss ${formatNumber(".4g", first)} in the first epoch, ${formatNumber(".4g", last)} in the last`;
      // A loss that is not a positive number breaks the line: the gap stays visible.
      return row.loss.map((loss, index) => ({
        panel: panelOf(one),
        k: kName(row.k),
        name: row.name,
        epoch: index + 1,
        loss: positive(loss) ? loss : null,
        tip,
      }));
    });
    const narrow = width < 500;
    const size = panelSizes(panels.length, width, { least: 180, most: 520, legend: narrow ? 0 : 60 });
    const plot = {
      width: size.width,
      height: 220,
      mark: {
        type: "line",
        strokeWidth: 1.5,
        point: values.length === lines.length,
        invalid: "break-paths-filter-domains",
      },
      encoding: {
        x: {
          field: "epoch",
          type: "quantitative",
          title: "Epoch",
          scale: { nice: false },
          axis: { tickMinStep: 1, grid: false, tickCount: 5 },
        },
        y: {
          field: "loss",
          type: "quantitative",
          title: "Loss",
          scale: { type: "log", nice: false },
          axis: { format: "~g", tickCount: 5 },
        },
        color: {
          field: "k",
          type: "ordinal",
          sort: ks,
          title: "k",
          scale: kColors(ks),
          legend: narrow ? { orient: "bottom", columns: 5 } : { orient: "right" },
        },
        detail: { field: "name" },
        description: { field: "tip" },
        tooltip: { field: "tip" },
      },
    };
    return figure({ title: lossCurves.title, width, values, panels, columns: size.columns, plot });
  },
});

const panelOf = ({ row, panel }: Configuration) => [`d=${row.latent_dim}`, panel].filter(Boolean).join(", ");

const positive = (value: number) => Number.isFinite(value) && value > 0;
