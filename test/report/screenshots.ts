import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";

const reports = "test/golden/report/screenshots";

/** Side of the squares in which differing pixels are counted. */
const tile = 24;

/**
 * The largest share of pixels, over all squares of 24 by 24, in which a screenshot differs from the committed one of that name; 1
 * where the sizes differ by more than 2%. Edges of letters and small differences of colour (pixelmatch, threshold 0.2) do not
 * count. A screenshot not committed yet is written, to be looked at: `null`.
 */
export function differenceFrom(
  name: string,
  png: Buffer,
  folder = reports,
): { readonly share: number; readonly shown: string } | null {
  const path = join(folder, `${name}.png`);
  const actual = coarse(PNG.sync.read(png));
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, packed(actual));
    return null;
  }
  const expected = PNG.sync.read(readFileSync(path));
  const { width } = expected;
  const height = Math.min(actual.height, expected.height);
  if (actual.width !== width || Math.abs(actual.height / expected.height - 1) > 0.02) return shownAs(name, actual, 1);
  const diff = new PNG({ width, height });
  const rows = (image: PNG) => image.data.subarray(0, 4 * width * height);
  pixelmatch(rows(expected), rows(actual), diff.data, width, height, { threshold: 0.2, diffMask: true });
  return shownAs(name, diff, worstTile(diff));
}

function worstTile({ width, height, data }: PNG): number {
  const across = Math.ceil(width / tile);
  const counts = new Uint32Array(across * Math.ceil(height / tile));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      // Differences are red, edges of letters yellow, the rest transparent.
      if (data[at + 3] && !data[at + 1]) counts[Math.floor(y / tile) * across + Math.floor(x / tile)]! += 1;
    }
  return Math.max(...counts) / tile ** 2;
}

function shownAs(name: string, image: PNG, share: number) {
  if (share === 0) return { share, shown: "" };
  const shown = join(mkdtempSync(join(tmpdir(), "sae-onnx-screenshot-")), `${name}.png`);
  writeFileSync(shown, PNG.sync.write(image));
  return { share, shown };
}

/** Sixteen levels a colour: half the bytes, and less than the comparison sees. */
function coarse(image: PNG): PNG {
  for (const [index, byte] of image.data.entries())
    image.data[index] = index % 4 === 3 ? 255 : Math.round(byte / 17) * 17;
  return image;
}

const packed = (image: PNG): Buffer =>
  PNG.sync.write(image, { colorType: 2, deflateLevel: 9, deflateStrategy: 0, filterType: 0 });
