import { readFileSync } from "node:fs";
import fc from "fast-check";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { PtTensor, readPt, storedOf } from "../../src/data/pt.ts";
import { toFloat32 } from "../../src/data/stored.ts";
import { readZip } from "../../src/data/zip.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { ascii, complaint, join } from "./helpers.ts";

/** Written by torch.save; see test/fixtures/pretrained_saes.py. */
const good = new Uint8Array(readFileSync("test/fixtures/pretrained/experiment/pos3_layer14_d24_k4.pt"));

/** Everything in the file, tensors included. */
function readAll(value: unknown): void {
  if (value instanceof PtTensor) storedOf(value, "tensor");
  else if (value instanceof Map) for (const one of value.values()) readAll(one);
}

function readsOrRefuses(bytes: Uint8Array): "read" | "refused" {
  try {
    readAll(readPt(bytes, "a.pt"));
    return "read";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    expect(error.message.length).toBeLessThan(2000);
    return "refused";
  }
}

/** The members of the good file, some replaced, stored as torch stores them. */
function repacked(change: Readonly<Record<string, Uint8Array | undefined>>): Uint8Array {
  const members = readZip(good, "a.pt", 1e9).map(({ name, read }) => [name.replace(/^[^/]*\//, ""), read()] as const);
  const all = Object.entries({ ...Object.fromEntries(members), ...change }).filter(([, bytes]) => bytes !== undefined);
  return zipSync(Object.fromEntries(all.map(([name, bytes]) => [`a/${name}`, bytes!])), { level: 0 });
}

/** A file whose pickle is given by hand. */
const withPickle = (...parts: readonly (Uint8Array | readonly number[])[]) =>
  repacked({ "data.pkl": join([0x80, 2], ...parts, [0x2e]) });

test("reads dictionaries, numbers and tensors; a transposed view in row-major order", () => {
  const top = readPt(good, "a.pt") as Map<string, Map<string, unknown>>;
  expect([...top.keys()]).toEqual(["model_state_dict", "config", "metrics"]);
  expect(Object.fromEntries(top.get("config")!)).toEqual({
    input_dim: 12,
    latent_dim: 24,
    k: 4,
    position: 3,
    layer: 14,
  });
  expect(top.get("metrics")!.get("explained_variance")).toBe(0.5);
  const weight = top.get("model_state_dict")!.get("decoder.weight") as PtTensor;
  expect(weight).toMatchObject({ shape: [12, 24], strides: [1, 12] });
  const { data } = toFloat32(storedOf(weight, "w"));
  const raw = toFloat32({ dtype: "F32", shape: [288], where: "", bytes: weight.storage.member.read() }).data;
  expect(data[1]).toBe(raw[12]);
  expect(data[24]).toBe(raw[1]);
});

const tensorOf = (numel: number, offset: number, shape: number, stride: number) =>
  join(
    ascii("ctorch._utils\n_rebuild_tensor_v2\n(("),
    ...["storage"].map((word) => join([0x58, word.length, 0, 0, 0], ascii(word))),
    ascii("ctorch\nFloatStorage\n"),
    join([0x58, 1, 0, 0, 0], ascii("0"), [0x58, 6, 0, 0, 0], ascii("cuda:0")),
    [0x4d, numel & 255, numel >> 8, 0x74, 0x51, 0x4b, offset, 0x4d, shape & 255, shape >> 8, 0x85, 0x4b, stride, 0x85],
    ascii("\x89c"),
    ascii("collections\nOrderedDict\n)RtR"),
  );

describe("refuses", () => {
  const count = readZip(good, "a.pt", 1e9).find(({ name }) => name.endsWith("/data/0"))!.size / 4;

  test("nothing of a tensor described by hand, on whatever device it was", () => {
    expect(readsOrRefuses(withPickle(tensorOf(count, 1, 3, 2)))).toBe("read");
  });

  test.each([
    "os\nsystem\n",
    "builtins\neval\n",
    "torch\nload\n",
    "numpy.core.multiarray\nscalar\n",
    "torch\n__proto__\n",
  ])("the name %j", (name) => {
    const message = complaint(() => readPt(withPickle(ascii(`c${name}`), ascii("X\x02\0\0\0ls\x85R")), "a.pt"));
    expect(message).toContain(`names "${name.trim().replace("\n", ".")}"`);
    expect(message).toContain("nothing in it is run");
  });

  test.each<[string, Uint8Array, string]>([
    ["more elements than the storage", withPickle(tensorOf(count, 0, count + 1, 1)), "leaves its storage"],
    ["an offset outside", withPickle(tensorOf(count, 200, count - 100, 1)), "leaves its storage"],
    ["a repeated element as many", withPickle(tensorOf(count, 0, count + 1, 0)), "more elements than its storage"],
    ["a storage that claims more", withPickle(tensorOf(count + 1, 0, 1, 1)), `claims ${count + 1} elements of F32`],
    ["a storage that is missing", repacked({ "data/0": undefined }), "is not in the archive"],
    ["a storage that is too short", repacked({ "data/0": new Uint8Array(4) }), "the archive has 4 bytes"],
    ["big-endian numbers", repacked({ byteorder: ascii("big") }), "big-endian"],
    ["no pickle", repacked({ "data.pkl": undefined }), "not one data.pkl"],
    ["another opcode", withPickle(ascii("Vtext\n")), "opcode 0x56"],
    ["a file older than PyTorch 1.6", join([0x80, 2, 0x8a, 10]), "since PyTorch 1.6"],
  ])("%s", (_, bytes, message) => {
    expect(complaint(() => readAll(readPt(bytes, "a.pt")))).toContain(message);
  });
});

describe("fuzz", () => {
  test("every truncation is refused", () => {
    for (let length = 0; length < good.length; length += 7)
      expect(readsOrRefuses(good.subarray(0, length)), `first ${length} bytes`).toBe("refused");
  });

  test("any byte of the pickle changed reads or is refused", () => {
    const pickle = readZip(good, "a.pt", 1e9)
      .find(({ name }) => name.endsWith("data.pkl"))!
      .read();
    fc.assert(
      fc.property(
        fc.nat(pickle.length - 1),
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
        fc.nat(4),
        (at, put, cut) => {
          readsOrRefuses(repacked({ "data.pkl": Uint8Array.from([...pickle].toSpliced(at, cut, ...put)) }));
        },
      ),
      { seed: 8, numRuns: 2000 },
    );
  });

  test("noise as a pickle is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        readsOrRefuses(repacked({ "data.pkl": noise }));
      }),
      { seed: 9, numRuns: 1000 },
    );
  });
});
