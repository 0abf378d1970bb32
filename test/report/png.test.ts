import { PNG } from "pngjs";
import { describe, expect, test } from "vitest";
import { font } from "../../src/report/charts/theme.ts";
import { pngOf, withPngs } from "../../src/report/png.node.ts";
import { buildReport } from "../../src/report/report.ts";
import { textWidth } from "../../src/report/textWidth.ts";
import { experimentGrid } from "./sample.ts";
import { sizeOfSvg } from "./svgTexts.ts";

const read = (bytes: Uint8Array) => PNG.sync.read(Buffer.from(bytes));

/** First and last column that hold ink, in pixels of the drawing, of a line of text at 10, 30. */
function inkOf(text: string, { bold = false } = {}): { left: number; right: number } {
  const weight = bold ? ' font-weight="bold"' : "";
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="40"><rect width="600" height="40" fill="white"/><text x="10" y="30" font-size="20" font-family="${font}"${weight}>${text}</text></svg>`;
  const { width, height, data } = read(pngOf(svg));
  const columns = Array.from({ length: width }, (_, x) => x).filter((x) =>
    Array.from({ length: height }, (_, y) => data[4 * (y * width + x)]!).some((red) => red < 128),
  );
  return { left: columns[0]! / 2, right: columns.at(-1)! / 2 };
}

describe("a picture of text", () => {
  test.each(["Sparsity Level (K)", "0123456789", "Explained Variance", "± − – ∞ ₁ ²"])("%s is drawn", (text) => {
    const { left, right } = inkOf(text);
    expect(left).toBeGreaterThanOrEqual(10);
    expect(right - left).toBeGreaterThan(5 * text.length);
  });

  test.each([false, true])("takes the room its layout gave it (bold: %s)", (bold) => {
    const text = "HEATMAP of dictionary sizes, 0.719";
    const { right } = inkOf(text, { bold });
    const room = textWidth(text, 20, bold);
    expect(right - 10).toBeLessThanOrEqual(room);
    expect(right - 10).toBeGreaterThan(0.93 * room);
  });
});

describe("the report's pictures", async () => {
  const texts = await buildReport(experimentGrid());
  const files = withPngs(texts);
  const svgs = [...texts.keys()].filter((name) => name.endsWith(".svg"));

  test("one beside each drawing, the other files as they were", () => {
    expect([...files.keys()].sort()).toEqual(
      [...texts.keys(), ...svgs.map((name) => name.replace(".svg", ".png"))].sort(),
    );
    for (const [name, text] of texts) expect(files.get(name)).toBe(text);
  });

  test.each(svgs)("%s: two pixels to one, and the same bytes again", (name) => {
    const svg = texts.get(name)!;
    const bytes = files.get(name.replace(".svg", ".png")) as Uint8Array;
    const { width, height } = sizeOfSvg(svg);
    const image = read(bytes);
    expect([image.width, image.height]).toEqual([2 * width, 2 * height]);
    expect(Buffer.from(pngOf(svg)).equals(Buffer.from(bytes))).toBe(true);
  });

  test("cells have the colours of the drawing, and their values on them", () => {
    const svg = texts.get("heatmap_max_activation.svg")!;
    const image = read(files.get("heatmap_max_activation.png") as Uint8Array);
    const seen = new Map<string, number>();
    for (let at = 0; at < image.data.length; at += 4) {
      const key = `rgb(${image.data.subarray(at, at + 3).join(", ")})`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    const cells = [...svg.matchAll(/<path aria-label="d=[^>]* fill="(rgb\([^)]+\))"/g)].map(([, fill]) => fill!);
    expect(cells).toHaveLength(12);
    for (const fill of cells) expect(seen.get(fill), fill).toBeGreaterThan(10_000);
    expect(seen.get("rgb(0, 0, 0)")).toBeGreaterThan(500);
  });
});
