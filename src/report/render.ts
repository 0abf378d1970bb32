import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { ConfigError } from "../util/errors.ts";
import { textWidth, widest } from "./textWidth.ts";

/** The part of vega's text measure that is meant to be replaced; its typings leave it out. */
interface TextMetrics {
  width: (item: { fontSize?: number; fontWeight?: string | number; limit?: number }, text: unknown) => number;
}
const { textMetrics } = vega as unknown as { readonly textMetrics: TextMetrics };

let before: Promise<unknown> = Promise.resolve();

/**
 * The figure of a vega-lite specification as SVG text, the same in Node and browsers: text is measured by a table, not a canvas.
 * @throws {ConfigError} when vega-lite warns about the specification; nothing is drawn other than meant.
 */
export function renderSvg(spec: TopLevelSpec): Promise<string> {
  // One at a time: the measure is vega's own and is put back afterwards.
  const svg = before.then(() => render(spec));
  before = svg.catch(() => undefined);
  return svg;
}

async function render(spec: TopLevelSpec): Promise<string> {
  const view = new vega.View(vega.parse(compiled(spec)), { renderer: "none" });
  const measure = textMetrics.width;
  textMetrics.width = ({ fontSize = 11, fontWeight, limit }, text) =>
    Math.min(reckoned(String(text ?? ""), fontSize, isBold(fontWeight)), limit || Number.POSITIVE_INFINITY);
  try {
    return numbered(withoutEmpty(await view.toSVG()));
  } finally {
    textMetrics.width = measure;
    view.finalize();
  }
}

/** Bold are titles. Of a small figure they are the widest part, and would be cut off at its edge in a wider font. */
const reckoned = (text: string, fontSize: number, bold: boolean): number =>
  textWidth(text, fontSize, bold) * (bold ? widest : 1);

function compiled(spec: TopLevelSpec) {
  const warnings: string[] = [];
  const warn = (...parts: unknown[]) => {
    warnings.push(parts.join(" "));
    return logger;
  };
  const quiet = () => logger;
  const logger: vega.LoggerInterface = { level: quiet as never, error: warn, warn, info: quiet, debug: quiet };
  const { spec: vegaSpec } = compile(spec, { logger });
  if (warnings.length === 0) return vegaSpec;
  throw new ConfigError(
    `figure ${JSON.stringify(spec.title)}: vega-lite says ${warnings.join("; ")}; mend the chart's specification`,
  );
}

/** Groups without marks would be read as images that nobody describes. */
const withoutEmpty = (svg: string): string => svg.replace(/<g class="mark-[^>]*><\/g>/g, "");

/** vega numbers gradients and clips through the life of the process; here each drawing's start from 0, so that bytes repeat. */
function numbered(svg: string): string {
  const names = new Map<string, string>();
  return svg.replace(/(?<=id="|url\(#)(gradient_|clip)\d+/g, (id, kind: string) => {
    if (!names.has(id)) names.set(id, `${kind}${names.size}`);
    return names.get(id)!;
  });
}

const isBold = (weight: string | number | undefined) => weight === "bold" || Number(weight) >= 600;
