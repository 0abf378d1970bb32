import { schema, theme } from "../dist/report/charts/theme.js";

const titles = {
  latent_dim: ["Latents", "latents; 512 dims, k 32, batch 256"],
  input_dim: ["Input dims", "dims; 2,048 latents, k 32, batch 256"],
  k: ["k", "k; 512 dims, 4,096 latents, batch 256"],
  rows: ["Rows", "rows; 64 dims, 256 latents, k 8"],
};

/** What the two panels of a direction show: a name of the axis, and values by series. */
const panels = {
  step: [
    ["ms per step", ({ ms_per_step, torch_ms_per_step }) => ({ "sae-onnx": ms_per_step, PyTorch: torch_ms_per_step })],
    ["peak MB", ({ peak_mb, state_mb }) => ({ "sae-onnx": peak_mb, "parameters and moments": state_mb })],
  ],
  rows: [
    [
      "microseconds per row",
      ({ rows, seconds, train_seconds }) => ({
        "whole command": (1e6 * seconds) / rows,
        "training alone": (1e6 * train_seconds) / (0.8 * rows),
      }),
    ],
    ["peak MB", ({ peaks_mb: [command, training] }) => ({ command, "training process": training })],
  ],
};

/** The vega-lite specification of one direction's curves: time and memory side by side, all axes logarithmic. */
export function scaleFigure(name, points) {
  const [title, axis] = titles[name];
  const plot = ([unit, seriesOf]) => ({
    width: 330,
    height: 220,
    data: {
      values: points.flatMap((point) =>
        Object.entries(seriesOf(point))
          .filter(([, value]) => value != null)
          .map(([series, value]) => ({ series, at: point[name], value })),
      ),
    },
    mark: { type: "line", point: true },
    encoding: {
      x: {
        field: "at",
        type: "quantitative",
        title: axis,
        scale: { type: "log", nice: false },
        axis: {
          format: name === "rows" ? "~s" : ",d",
          values: points.map((point) => point[name]),
          grid: false,
          labelOverlap: false,
          labelFlush: false,
        },
      },
      y: {
        field: "value",
        type: "quantitative",
        title: unit,
        scale: { type: "log" },
        axis: { format: ",~r", values: [1, 2, 5].flatMap((one) => [0.1, 1, 10, 100, 1000].map((ten) => one * ten)) },
      },
      color: {
        field: "series",
        sort: Object.keys(seriesOf(points[0])),
        type: "nominal",
        title: null,
        legend: { orient: "bottom" },
      },
    },
  });
  return {
    $schema: schema,
    title: `${title}: time and memory`,
    config: theme,
    resolve: { scale: { color: "independent" } },
    hconcat: panels[name === "rows" ? "rows" : "step"].map(plot),
  };
}

/** The vega-lite specification of what memory does while something is done again and again: `samples` of { count, megabytes, of }. */
export const memoryFigure = (title, axis, samples) => ({
  $schema: schema,
  title,
  width: 500,
  height: 220,
  data: { values: samples },
  mark: "line",
  encoding: {
    x: { field: "count", type: "quantitative", title: axis },
    y: { field: "megabytes", type: "quantitative", title: "MB resident", scale: { zero: true } },
    color: { field: "of", type: "nominal", title: null },
  },
});
