import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { ConfigError } from "../util/errors.ts";

/**
 * The figure of a vega-lite specification as SVG text, in Node and browsers alike: text is measured by a table, not a canvas.
 * @throws {ConfigError} when vega-lite warns about the specification; nothing is drawn other than meant.
 */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const warnings: string[] = [];
  const logger = { level: () => logger, error: warn, warn, info: () => logger, debug: () => logger };
  const { spec: compiled } = compile(spec, {
    logger: logger as unknown as NonNullable<Parameters<typeof compile>[1]>["logger"] & {},
  });
  if (warnings.length > 0)
    throw new ConfigError(
      `figure ${JSON.stringify(spec.title)}: vega-lite says ${warnings.join("; ")}; mend the chart's spec`,
    );
  const view = new View(parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return svg;

  function warn(...parts: unknown[]) {
    warnings.push(parts.join(" "));
    return logger;
  }
}
