/** @file What draws figures: large, and loaded when the first one is drawn. */
export { drawFigure, figuresOf, metricKeys, ownIds } from "../browser.ts";
