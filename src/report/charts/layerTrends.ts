import { distinct, meanOf } from "../configurations.ts";
import { formatNumber } from "../format.ts";
import { infoOf } from "../keys.ts";
import { bestByPlace, degenerate, qualityKey } from "../places.ts";
import { defineChart } from "./chart.ts";
import { figure } from "./figure.ts";
import { lineColors } from "./theme.ts";

/** More positions than this make lines that nobody tells apart. */
const mostPositions = 12;

/** The best SAE of each layer, a line for each position; degenerate ones are hollow and stand off the lines. */
export const layerTrends = defineChart({
  name: "layers_trend",
  section: "places",
  title: "Best Explained Variance over Layers",
  caption:
    "A line for each position through the best sound SAE of each layer. Hollow points are better scores of degenerate SAEs.",
  leftOut(all) {
    const count = new Set(bestByPlace(all).map(({ position }) => position)).size;
    return count > mostPositions ? `${count} positions are too many` : undefined;
  },
  spec(all, { width }) {
    const key = qualityKey(all);
    const found = bestByPlace(all, key);
    if (new Set(found.map(({ layer }) => layer)).size < 2) return null;
    const label = infoOf(key).label;
    const narrow = width < 500;
    const positions = distinct(all, "position").flatMap((one) => (one === null ? [] : String(one)));
    const values = found.flatMap(({ layer, position, best, sound }) =>
      [...new Set([sound, best])].flatMap((one) => {
        if (!one) return [];
        const quality = meanOf(one, key)!;
        const why = degenerate(one);
        const tip = `${one.label}: ${label} ${formatNumber(".3f", quality)}${why === undefined ? "" : `; ${why}`}`;
        return {
          panel: "",
          layer,
          position: String(position),
          quality,
          tip,
          kind: why === undefined ? "sound" : "degenerate",
        };
      }),
    );
    const encoding = {
      x: { field: "layer", type: "quantitative", title: "Layer", axis: { format: "d", tickMinStep: 1, grid: false } },
      y: { field: "quality", type: "quantitative", title: label, scale: { zero: false } },
      color: {
        field: "position",
        type: "nominal",
        title: "Position",
        sort: positions,
        scale: lineColors(positions),
        legend: narrow ? { orient: "bottom", columns: 4 } : { orient: "right" },
      },
      description: { field: "tip" },
      tooltip: { field: "tip" },
    };
    const only = (kind: string) => [{ filter: `datum.kind === '${kind}'` }];
    const plot = {
      width: Math.max(180, width - (narrow ? 70 : 160)),
      height: 260,
      encoding,
      layer: [
        { transform: only("sound"), mark: { type: "line", point: { size: 45 }, strokeWidth: 1.5 } },
        { transform: only("degenerate"), mark: { type: "point", filled: false, size: 60 } },
      ],
    };
    return figure({ title: "Best Explained Variance over Layers", width, values, panels: [""], columns: 1, plot });
  },
});
