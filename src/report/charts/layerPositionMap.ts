import { groupBy } from "../../util/group.ts";
import { type Configuration, distinct, valuesOf } from "../configurations.ts";
import { formatNumber, noValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import { type Chart, defineChart, type SectionName } from "./chart.ts";
import { heatmap, mostCells } from "./heatmap.ts";

/** More (latent_dim, k) pairs than this would make a figure nobody reads. */
const mostPanels = 16;

/** A heatmap of one metric over layers (down, 0 on top) and positions (across), a panel for each (latent_dim, k); one colour scale. */
export function layerPositionMap(options: {
  readonly name: string;
  readonly section: SectionName;
  readonly key: string;
  readonly title: string;
  readonly scheme: string;
  readonly reverse?: boolean;
  readonly format: string;
}): Chart {
  const { name, section, key, title, scheme, reverse = false, format } = options;
  return defineChart({
    name,
    section,
    title,
    caption: "Layers down, positions across; one colour scale for all panels.",
    leftOut(all) {
      const { panels, layers, positions } = planOf(all);
      const cells = panels.length * layers.length * positions.length;
      if (layers.length * positions.length < 2) return undefined;
      if (panels.length > mostPanels) return `${panels.length} maps of layers and positions are too many`;
      return cells > mostCells ? `${cells} cells are too many` : undefined;
    },
    spec(all, { width }) {
      const { panels, groups, layers, positions } = planOf(all);
      if (layers.length * positions.length < 2 || panels.length === 0 || panels.length > mostPanels) return null;
      const cells = panels.flatMap((panel) => {
        const at = new Map(groups.get(panel)!.map((one) => [address(one.record.layer, one.record.position), one]));
        return layers.flatMap((layer) =>
          positions.map((position) => ({
            x: String(position),
            y: String(layer),
            panel,
            ...contents(at.get(address(layer, position)), `layer ${layer}, position ${position}`),
          })),
        );
      });
      return heatmap({
        title,
        cells,
        xs: positions.map(String),
        ys: layers.map(String),
        panels,
        width,
        scheme,
        reverse,
        format,
        xTitle: "Position",
        yTitle: "Layer",
        legendTitle: infoOf(key).label,
      });
    },
  });

  /** The panels, and what stands down and across. */
  function planOf(all: readonly Configuration[]) {
    const placed = all.filter(({ record }) => record.layer !== null && record.position !== null);
    const groups = groupBy(placed, panelOf);
    const panels = [...groups].flatMap(([panel, members]) =>
      members.some((one) => valuesOf(one, key).mean !== null) ? [panel] : [],
    );
    return { groups, panels, layers: distinct(placed, "layer"), positions: distinct(placed, "position") };
  }

  function contents(configuration: Configuration | undefined, place: string) {
    const mean = configuration ? valuesOf(configuration, key).mean : null;
    const text = mean === null ? noValue : formatNumber(format, mean);
    const tip = `${configuration ? configuration.label : place}: ${infoOf(key).label} ${mean === null ? "not measured" : text}`;
    return { value: mean, label: text, tip };
  }
}

/** Everything but layer and position: the place in the plane, and what differs besides. */
const panelOf = ({ cell, parts }: Configuration): string =>
  [cell, ...parts.filter(({ key }) => key !== "layer" && key !== "position").map(({ text }) => text)].join(", ");

const address = (layer: number | null, position: number | null) => `${layer} ${position}`;
