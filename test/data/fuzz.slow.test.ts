import fc from "fast-check";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { parseActivations } from "../../src/data/activations.ts";
import { parseLabels } from "../../src/data/labels.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { int64s } from "../../src/util/tensor.ts";
import { matrix } from "./helpers.ts";

const acts = matrix([1, 2, 3], [4, 5, -6]);
const split = int64s([0, 1]);
const members = { "activations.npy": writeNpy(acts), "split.npy": writeNpy(split) };
const files: Record<string, Uint8Array> = {
  "a.safetensors": writeSafetensors({ activations: acts, split }, { note: "x" }),
  "a.npy": writeNpy(acts),
  "stored.npz": zipSync(members, { level: 0 }),
  "deflated.npz": zipSync(members, { level: 9 }),
};

/** Reads, or refuses with a ConfigError of one line and sensible length; anything else fails. */
function readsOrRefuses(bytes: Uint8Array, file: string): "read" | "refused" {
  try {
    const { activations } = parseActivations(bytes, file);
    expect(activations.data.length).toBeLessThanOrEqual(bytes.length * 1032);
    return "read";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    expect(error.message.length).toBeLessThan(5000);
    return "refused";
  }
}

describe.each(Object.entries(files))("%s", (file, good) => {
  test("reads as it is", () => expect(readsOrRefuses(good, file)).toBe("read"));

  test("every truncation is refused", () => {
    for (let length = 0; length < good.length; length++)
      expect(readsOrRefuses(good.subarray(0, length), file), `first ${length} bytes`).toBe("refused");
  });

  test("every single flipped bit reads or is refused", () => {
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bytes = good.slice();
      bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
      readsOrRefuses(bytes, file);
    }
  });

  test("changed, cut, doubled and inserted bytes read or are refused", () => {
    const edit = fc.record({
      at: fc.nat(good.length - 1),
      remove: fc.nat(16),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 16 }),
        fc.constantFrom(good.subarray(0, 64), Uint8Array.of(255, 255, 255, 255)),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let bytes = [...good];
        for (const { at, remove, insert } of edits) bytes = bytes.toSpliced(at, remove, ...insert);
        readsOrRefuses(Uint8Array.from(bytes), file);
      }),
      { seed: 4, numRuns: 3000 },
    );
  });

  test("noise is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(readsOrRefuses(bytes, file)).toBe("refused");
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});

test("flipped bits in the arrays of an archive never go unnoticed", () => {
  const good = files["stored.npz"]!;
  const expected = parseActivations(good, "a.npz");
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bytes = good.slice();
    bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
    if (readsOrRefuses(bytes, "a.npz") === "read")
      expect(parseActivations(bytes, "a.npz").activations).toEqual(expected.activations);
  }
});

test("any header that is JSON reads or is refused", () => {
  const entry = fc.record(
    {
      dtype: fc.oneof(fc.constantFrom("F32", "BF16", "BOOL", "U64", "constructor"), fc.jsonValue()),
      shape: fc.oneof(fc.array(fc.oneof(fc.nat(4), fc.double(), fc.maxSafeInteger())), fc.jsonValue()),
      data_offsets: fc.oneof(fc.tuple(fc.nat(9), fc.nat(99)), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const header = fc.oneof(
    fc.dictionary(
      fc.oneof(fc.constantFrom("activations", "__metadata__", "split"), fc.string({ unit: "binary" })),
      entry,
    ),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(header, fc.nat(64), (value, size) => {
      const text = new TextEncoder().encode(JSON.stringify(value));
      const bytes = new Uint8Array(8 + text.length + size);
      new DataView(bytes.buffer).setUint32(0, text.length, true);
      bytes.set(text, 8);
      readsOrRefuses(bytes, "a.safetensors");
    }),
    { seed: 6, numRuns: 3000 },
  );
});

test("any text reads as labels or is refused", () => {
  const line = fc.oneof(fc.string(), fc.json());
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      try {
        expect(parseLabels(lines.join("\n"), "a").length).toBeLessThanOrEqual(lines.join("\n").split("\n").length);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }),
    { seed: 7, numRuns: 2000 },
  );
});
