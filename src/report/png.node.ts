import { fileURLToPath } from "node:url";
import { Resvg } from "@resvg/resvg-js";

/** Arimo: as wide as Helvetica, Arial and Liberation Sans, by whose widths the figures are laid out. */
const fonts = [
  import.meta.resolve("@expo-google-fonts/arimo/400Regular/Arimo_400Regular.ttf"),
  import.meta.resolve("@expo-google-fonts/arimo/700Bold/Arimo_700Bold.ttf"),
].map((url) => fileURLToPath(url));

/** Pixels of the picture per pixel of the drawing. */
const scale = 2;

/**
 * A drawing as PNG, two pixels to one of the SVG's; text in a font that comes with the package, so that it is drawn, and the bytes
 * are the same, on a machine with other fonts or none.
 */
export function pngOf(svg: string): Uint8Array {
  const font = { loadSystemFonts: false, fontFiles: fonts, defaultFontFamily: "Arimo", sansSerifFamily: "Arimo" };
  return new Resvg(svg, { font, fitTo: { mode: "zoom", value: scale } }).render().asPng();
}

/** A report's files with a .png beside each .svg. */
export function withPngs(files: ReadonlyMap<string, string>): ReadonlyMap<string, string | Uint8Array> {
  const pngs = [...files]
    .filter(([name]) => name.endsWith(".svg"))
    .map(([name, svg]) => [name.replace(/svg$/, "png"), pngOf(svg)] as const);
  return new Map<string, string | Uint8Array>([...files, ...pngs]);
}
