import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attach } from "../../../src/export/attach/attach.ts";
import { decodeModel, encodeModel } from "../../../src/onnx/model.ts";
import type { Model } from "../../../src/onnx/proto.ts";
import { fieldsOf, join, sizeOfAll, wrap } from "../../../src/onnx/wire.ts";
import { ConfigError } from "../../../src/util/errors.ts";
import { hosts } from "./hosts.ts";
import { autoencoder } from "./running.ts";
import { stream, transformer } from "./transformer.ts";

/** As a plain array: `slice` of a Buffer copies nothing. */
const bytesOf = (model: Model) => Uint8Array.from(encodeModel(model));

const models: Readonly<Record<string, { readonly good: Uint8Array; readonly tensor: string }>> = {
  transformer: { good: bytesOf(transformer()), tensor: stream },
  "a Loop": { good: bytesOf(hosts["a Loop whose body reads it"]!.model), tensor: "v" },
  "functions of its own": {
    good: bytesOf(hosts["the result of a function of the model's own"]!.model),
    tensor: "v",
  },
};
const sae = { model: autoencoder, file: "sae.onnx" };

/** Attaches and keeps everything, or refuses in one line of sensible length; anything else fails. */
function attachesOrRefuses(bytes: Uint8Array, tensor: string): "attached" | "refused" {
  try {
    const result = attach({ bytes, file: "lm.onnx" }, sae, { tensor, steer: true });
    expect(result.bytes.length).toBeGreaterThan(bytes.length);
    return "attached";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).toMatch(/^lm\.onnx: /);
    expect(error.message.length).toBeLessThan(1500);
    return "refused";
  }
}

describe.each(Object.entries(models))("%s", (_, { good, tensor }) => {
  test("is attached to as it is", () => expect(attachesOrRefuses(good, tensor)).toBe("attached"));

  test("every truncation is refused, but between fields behind the graph, where it is a message", () => {
    const ends = fieldsOf(good).map((_, i, all) => sizeOfAll(all.slice(0, i + 1).map(({ bytes }) => bytes)));
    for (let length = 0; length < good.length; length += good.length > 5000 ? 13 : 1)
      if (!ends.includes(length))
        expect(attachesOrRefuses(good.subarray(0, length), tensor), `first ${length} bytes`).toBe("refused");
  });

  /** Bytes outside of weights, which are most of it and may be anything. */
  const places = [...good.keys()].filter((at) => at < 2600 || at > good.length - 1500);

  test("every flipped bit is attached to or refused", () => {
    for (const at of places.filter((place) => good.length < 5000 || place % 7 === 0))
      for (let bit = 0; bit < 8; bit += 3) {
        const bytes = good.slice();
        bytes[at] = bytes[at]! ^ (1 << bit);
        attachesOrRefuses(bytes, tensor);
      }
  });

  test("changed, cut, doubled and inserted bytes are attached to or refused", () => {
    const edit = fc.record({
      at: fc.constantFrom(...places),
      remove: fc.nat(16),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 16 }),
        fc.constantFrom(
          good.subarray(0, 64),
          Uint8Array.of(255, 255, 255, 255, 15),
          Uint8Array.of(0xfb, 0xff, 0xff, 0xff, 7),
        ),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let bytes = good;
        for (const { at, remove, insert } of edits)
          bytes = join([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
        attachesOrRefuses(bytes, tensor);
      }),
      { seed: 10, numRuns: 1500 },
    );
  });
});

test("noise is no message, or one whose fields joined are the noise", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      let fields: ReturnType<typeof fieldsOf>;
      try {
        fields = fieldsOf(noise);
      } catch {
        return;
      }
      expect(join(fields.map(({ bytes }) => bytes))).toEqual(noise);
    }),
    { seed: 12, numRuns: 3000 },
  );
});

test("bodies inside one another, however many, are refused or read", () => {
  const { good, tensor } = models.transformer!;
  for (const [depth, expected] of [
    [10, "attached"],
    [30, "attached"],
    [40, "refused"],
    [300, "refused"],
    [1000, "refused"],
    [3000, "refused"],
    [20_000, "refused"],
  ] as const) {
    // A graph 7 of a node 1 of an attribute 5 of a body 6 of a node 1 ...
    let pieces: Uint8Array[] = [];
    for (let level = 0; level < depth; level++) pieces = wrap(1, wrap(5, wrap(6, [join(pieces)])));
    const bytes = join(
      fieldsOf(good).flatMap(({ number, bytes, content }) => (number === 7 ? wrap(7, [content, ...pieces]) : [bytes])),
    );
    expect(attachesOrRefuses(bytes, tensor), `${depth} deep`).toBe(expected);
  }
});

test("an encoder with changed bytes is attached or refused", () => {
  const good = bytesOf(autoencoder);
  const host = { bytes: models.transformer!.good, file: "lm.onnx" };
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.uint8Array({ maxLength: 6 }), fc.nat(6), (at, insert, remove) => {
      const bytes = join([good.subarray(0, at), insert, good.subarray(at + remove)]);
      try {
        attach(host, { model: decodeModel(bytes, "sae.onnx"), file: "sae.onnx" }, { tensor: stream, steer: true });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        expect(error.message).toContain("sae.onnx: ");
      }
    }),
    { seed: 14, numRuns: 3000 },
  );
});
