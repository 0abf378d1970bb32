import { readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { readZip } from "../../src/data/zip.ts";
import type { SourceFiles } from "../../src/formats/format.ts";
import { importSae } from "../../src/formats/index.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { random } from "../../src/util/random.ts";
import { visible } from "../../src/util/visible.ts";
import { ascii, join as joined } from "../data/helpers.ts";
import { peersIn, toldOf } from "./peers.ts";

const root = "test/fixtures/pretrained";

/** Imports, or refuses in one line of sensible length that names the source; anything else fails. */
function importsOrRefuses(source: SourceFiles): "imported" | "refused" {
  try {
    const { tensors } = importSae(source);
    for (const { data } of Object.values(tensors)) expect(data.every((value) => Number.isFinite(value))).toBe(true);
    return "imported";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message.startsWith(source.path), error.message).toBe(true);
    expect(visible(error.message).length).toBeLessThan(2000);
    return "refused";
  }
}

describe.each(readdirSync(root))("%s", (folder) => {
  test("with changed, cut, doubled and inserted bytes is imported or refused", async () => {
    const path = join(root, folder, folder === "experiment" ? "pos3_layer14_d24_k4.pt" : "");
    const source = await readSource(path);
    expect(importsOrRefuses(source)).toBe("imported");
    const edit = (name: string, good: Uint8Array) =>
      fc.record({
        name: fc.constant(name),
        at: fc.oneof(fc.nat(good.length - 1), fc.nat(Math.min(good.length - 1, 600))),
        remove: fc.nat(12),
        insert: fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom(ascii("null"), ascii("-1"), ascii("1e99"))),
      });
    const edits = fc.oneof(...[...source.files].map(([name, good]) => edit(name, good)));
    fc.assert(
      fc.property(fc.array(edits, { minLength: 1, maxLength: 3 }), (all) => {
        const files = new Map(source.files);
        for (const { name, at, remove, insert } of all) {
          const bytes = files.get(name)!;
          files.set(name, joined(bytes.subarray(0, at), insert, bytes.subarray(at + remove)));
        }
        importsOrRefuses({ ...source, files });
      }),
      { seed: 15, numRuns: 600 },
    );
  });

  if (readdirSync(join(root, folder)).includes("cfg.json"))
    test("with any JSON in the place of a setting is imported or refused", async () => {
      const source = await readSource(join(root, folder));
      const cfg = JSON.parse(new TextDecoder().decode(source.files.get("cfg.json")));
      const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(0, 1, -1, 4.5, 1e300, "topk", true, null));
      fc.assert(
        fc.property(fc.constantFrom(...Object.keys(cfg)), value, (key, put) => {
          const text = ascii(JSON.stringify({ ...cfg, [key]: put }));
          importsOrRefuses({ ...source, files: new Map([...source.files, ["cfg.json", text]]) });
        }),
        { seed: 16, numRuns: 500 },
      );
    });
});

describe("a pickle whose values hold one another twice, sixty times over", () => {
  const good = join(root, "experiment", "pos3_layer14_d24_k4.pt");
  /** `[]`, kept; then again and again what is there and itself once more as a pair, kept: 2^60 values, written out. */
  const pair = joined(
    ascii("]r\0\x01\0\0"),
    ...Array.from({ length: 60 }, (_, i) => joined([0x6a, i, 1, 0, 0, 0x86, 0x72, i + 1, 1, 0, 0])),
  );
  const pickled = async (change: (old: Uint8Array) => Uint8Array): Promise<SourceFiles> => {
    const { path, files } = await readSource(good);
    const [name, bytes] = [...files][0]!;
    const members = readZip(bytes, name, 1e9).map((one) => [one.name, one.read()] as const);
    const all = Object.fromEntries(members.map(([own, old]) => [own, own.endsWith("data.pkl") ? change(old) : old]));
    return { path, files: new Map([[name, zipSync(all, { level: 0 })]]) };
  };
  const alone =
    (...parts: Uint8Array[]) =>
    () =>
      joined([0x80, 2], ...parts, [0x2e]);
  /** In the place of the number that a setting has. */
  const setting = (name: string) => (old: Uint8Array) => {
    const at = Buffer.from(old).indexOf(name) + name.length + 2;
    expect(old[at]).toBe(0x4b);
    return joined(old.subarray(0, at), pair, old.subarray(at + 2));
  };

  test.each<[string, (old: Uint8Array) => Uint8Array]>([
    ["as a key", alone(ascii("}("), pair, ascii("Nu"))],
    ["as a name", alone(pair, ascii("j<\x01\0\0"), Uint8Array.of(0x93))],
    ["as what is called", alone(pair, ascii(")R"))],
    ["as a setting", setting("layer")],
    ["as a size", setting("input_dim")],
    ["as k", setting("k")],
  ])("%s", async (_, change) => {
    expect(importsOrRefuses(await pickled(change))).toBe("refused");
  });
});

const peers = "test/fixtures/peers";
const libraries = readdirSync(peers);

describe.each([...libraries, "experiment"])("10,000 damaged files of %s", { timeout: 1_200_000 }, (library) => {
  test("are imported or refused, none in more than a second or with more than four times its size", async () => {
    const paths =
      library === "experiment"
        ? [{ path: join(root, "experiment", "pos3_layer14_d24_k4.pt"), normFactor: undefined }]
        : peersIn(join(peers, library)).map((name) => toldOf(join(peers, library, name)));
    const sources: SourceFiles[] = [];
    for (const { path, normFactor } of paths) sources.push({ ...(await readSource(path)), normFactor });
    const rng = random(17, library);
    const counts = { imported: 0, refused: 0 };
    for (let run = 0; run < 10_000; run++) {
      const source = sources[run % sources.length]!;
      const names = [...source.files.keys()];
      const name = names[rng.below(names.length)]!;
      const files = new Map([...source.files, [name, damaged(source.files.get(name)!, rng)]]);
      const size = [...files.values()].reduce((sum, { length }) => sum + length, 0);
      const before = { cpu: process.cpuUsage(), memory: process.memoryUsage().arrayBuffers };
      counts[importsOrRefuses({ ...source, files })]++;
      const { user } = process.cpuUsage(before.cpu);
      expect(user / 1e6, `${source.path}, run ${run}: seconds`).toBeLessThan(1);
      // What is not collected yet counts too; a little goes to texts and tables of any size.
      const used = process.memoryUsage().arrayBuffers - before.memory;
      expect(used, `${source.path}, run ${run}: bytes of ${size}`).toBeLessThan(4 * size + 2 ** 16);
    }
    expect(counts.refused).toBeGreaterThan(1000);
    expect(counts.imported).toBeGreaterThan(10);
  });
});

/** Bytes changed, cut out, put in or doubled, most of them near the beginning, where names and sizes are. */
function damaged(good: Uint8Array, rng: ReturnType<typeof random>): Uint8Array {
  let bytes = good;
  for (let edit = 0; edit <= rng.below(3); edit++) {
    const at = rng.below(rng.below(2) === 0 ? Math.min(bytes.length, 600) : bytes.length);
    const count = 1 + rng.below(12);
    const put = [
      () => Uint8Array.from({ length: rng.below(9) }, () => rng.below(256)),
      () => Uint8Array.of(bytes[at]! ^ (1 << rng.below(8))),
      () => ascii(["null", "-1", "1e99", "true", '"a"', "99999999999"][rng.below(6)]!),
      () => bytes.subarray(at, at + 2 * count),
      () => new Uint8Array(count).fill(0xff),
    ][rng.below(5)]!();
    bytes = joined(bytes.subarray(0, at), put, bytes.subarray(at + (rng.below(2) === 0 ? put.length : count)));
  }
  return bytes;
}
