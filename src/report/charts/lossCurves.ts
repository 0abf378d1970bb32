import { axisName } from "../axes.ts";
import { placesOn } from "../configurations.ts";
import { formatNumber } from "../format.ts";
import { defineChart } from "./chart.ts";
import { figure } from "./figure.ts";
import { fieldOf, panelSizes, rowOfPanels } from "./panels.ts";
import { lineColors } from "./theme.ts";

const mostPanels = 12;

/** Training loss after each epoch: a panel for each dictionary size, a line for each k (or what else varies) and seed, loss on a log axis. */
export const lossCurves = defineChart({
  name: "loss_curves",
  section: "training",
  title: "Training Loss by Epoch",
  caption: "Mean over the epoch's steps; one line a seed; logarithmic loss axis.",
  spec(all, { width }) {
    const lines = all.flatMap((one) =>
      one.records.filter(({ loss }) => loss.some(positive)).map((record) => ({ one, record })),
    );
    const panels = [...new Set(lines.map(({ one }) => rowOfPanels(one)))];
    if (panels.length === 0 || panels.length > mostPanels) return null;
    const { x } = lines[0]!.one.axes;
    const xs = placesOn(
      "x",
      lines.map(({ one }) => one),
    );
    const values = lines.flatMap(({ one, record }) => {
      const [first, last] = [record.loss.find(positive), record.loss.findLast(positive)];
      const tip = `${one.label}${Number.isNaN(record.seed) ? "" : `, seed ${record.seed}`}: loss ${formatNumber(".4g", first)} in the first epoch, ${formatNumber(".4g", last)} in the last`;
      // A loss that is not a positive number breaks the line: the gap stays visible.
      return record.loss.map((loss, index) => ({
        panel: rowOfPanels(one),
        [fieldOf(x)]: one.x,
        name: record.name,
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
          field: fieldOf(x),
          type: "ordinal",
          sort: xs,
          title: axisName(x),
          scale: lineColors(xs),
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

const positive = (value: number) => Number.isFinite(value) && value > 0;
