import { axisName } from "../axes.ts";
import { type Configuration, placesOn } from "../configurations.ts";
import { formatNumber } from "../format.ts";
import { defineChart } from "./chart.ts";
import { figure } from "./figure.ts";
import { fieldOf, panelSizes, rowOfPanels } from "./panels.ts";
import { lineColors } from "./theme.ts";
import { evenly } from "./thin.ts";

const mostPanels = 12;
/** Of more lines some are drawn, of all alike. */
const mostLines = 300;
/** More values than this are no colours that can be told apart. */
const mostColors = 40;

/** Training loss after each epoch: a panel for each dictionary size, a line for each k (or what else varies) and seed, loss on a log axis. */
export const lossCurves = defineChart({
  name: "loss_curves",
  section: "training",
  title: "Training Loss by Epoch",
  caption: "Mean over the epoch's steps; one line a seed; logarithmic loss axis.",
  leftOut(all) {
    const lines = linesOf(all);
    const panels = new Set(lines.map(({ one }) => rowOfPanels(one))).size;
    const colors = new Set(lines.map(({ one }) => one.x)).size;
    if (panels > mostPanels) return `${panels} panels are too many`;
    return colors > mostColors ? `${colors} values of ${axisName(lines[0]!.one.axes.x)} are too many lines` : undefined;
  },
  spec(all, { width }) {
    const every = linesOf(all);
    const lines = evenly(every, mostLines);
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
    const subtitle = `${lines.length} of ${every.length} lines are drawn, chosen evenly.`;
    const some = lines.length < every.length ? { subtitle } : {};
    return figure({ title: lossCurves.title, ...some, width, values, panels, columns: size.columns, plot });
  },
});

/** Every SAE whose losses are known. */
const linesOf = (all: readonly Configuration[]) =>
  all.flatMap((one) => one.records.filter(({ loss }) => loss.some(positive)).map((record) => ({ one, record })));

const positive = (value: number) => Number.isFinite(value) && value > 0;
