import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { readSafetensors, toTensor, writeSafetensors } from "../../src/data/safetensors.ts";
import { trainable } from "../../src/sae/index.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { type HostTensor, int64s, zeros } from "../../src/util/tensor.ts";
import { complaint } from "../data/helpers.ts";
import { cases } from "../sae/cases.ts";
import { sample } from "./sample.ts";

const file = "a.safetensors";
let good: Uint8Array;
beforeAll(async () => {
  good = writeCheckpoint(await sample(cases[0]!, 1, { inputDim: 4, latentDim: 6 }));
});

type Metadata = Record<string, string>;
type TensorMap = Record<string, HostTensor>;

/** The good file with its metadata and tensors changed. */
function changed(change: (metadata: Metadata, tensors: TensorMap) => void): Uint8Array {
  const { metadata, tensors: stored } = readSafetensors(good, file);
  const [copy, tensors] = [
    { ...metadata },
    Object.fromEntries([...stored].map(([name, one]) => [name, toTensor(one)])),
  ];
  change(copy, tensors);
  return writeSafetensors(tensors, copy);
}
const without = (key: string) => changed((metadata) => delete metadata[key]);
const withText = (key: string, text: string) => changed((metadata) => Object.assign(metadata, { [key]: text }));
const withConfig = (change: Record<string, unknown>) =>
  changed((metadata) =>
    Object.assign(metadata, { config: JSON.stringify({ ...JSON.parse(metadata.config!), ...change }) }),
  );
const read = (bytes: Uint8Array) => complaint(() => readCheckpoint(bytes, file));

test("the good one reads", () => expect(readCheckpoint(good, file).epochsDone).toBe(1));

describe("not a checkpoint of ours", () => {
  test.each([
    ["no metadata", () => writeSafetensors({ W: zeros("float32", [1]) })],
    ["another format", () => withText("format", "pt")],
    ["another version", () => withText("version", "2")],
  ])("%s", (_, bytes) =>
    expect(read(bytes())).toMatch(/^a\.safetensors: not a checkpoint of this version .*sae-onnx train writes them$/),
  );
});

describe("metadata", () => {
  test.each(["config", "epochs_done", "loss", "data_digest", "layer", "position", "metrics"])("%s removed", (key) => {
    expect(read(without(key))).toMatch(
      new RegExp(`^a\\.safetensors: its metadata "${key}" are damaged \\(.*\\); train again$`),
    );
  });

  test.each(["0", "-1", "1.5", "two", '"2"', "[1]"])("threads are a count: %s", (text) =>
    expect(read(withText("threads", text))).toContain('"threads" are damaged'),
  );

  test.each(["{", "", "undefined", "[1,", "NaN"])("JSON damaged: %j", (text) => {
    for (const key of ["config", "epochs_done", "loss", "layer", "metrics"])
      expect(read(withText(key, text))).toContain(`"${key}" are damaged (not JSON)`);
  });

  test.each([
    ["epochs_done", "-1"],
    ["epochs_done", "1.5"],
    ["epochs_done", '"1"'],
    ["loss", "{}"],
    ["loss", '["a"]'],
    ["layer", '"3"'],
    ["metrics", "[]"],
    ["metrics", '{"a":"b"}'],
  ])("%s = %s", (key, text) => expect(read(withText(key, text))).toContain(`"${key}" are damaged`));

  test("more epochs done than there are", () =>
    expect(read(withText("epochs_done", "9"))).toContain("9 epochs are done of 3"));
});

describe("configuration", () => {
  const names = trainable.map(({ name }) => name).join(", ");
  test.each<[Record<string, unknown>, string]>([
    [{ architecture: "jump-relu" }, `architecture must be one of ${names}, got jump-relu`],
    [{ architecture: ["topk"] }, `architecture must be one of ${names}, got topk`],
    [{ architecture: "toString" }, "architecture must be one of"],
    [{ preset: "__proto__" }, "preset of topk must be one of report, original"],
    [{ seed: undefined }, "seed is missing"],
    [{ epochs: undefined }, "epochs is missing"],
    [{ k: 7 }, "k must be an integer from 1 to latentDim = 6, got 7"],
    [{ k: "4" }, "k must be an integer from 1 to latentDim = 6, got 4"],
    [{ latent_dim: 1e300 }, "latentDim"],
    [{ latent_dim: 7 }, "W_enc is [6, 4], its configuration needs [7, 4]"],
    [{ optimizer: "sgdx" }, "optimizer must be one of adam, momentum, sgd, got sgdx"],
    [{ learning_rate: null }, "learningRate must be a number above 0, got null"],
    [{ constructor: 1 }, "has no option constructor"],
    [{ to_string: 1 }, "has no option toString"],
  ])("%j", (change, message) => {
    expect(read(withConfig(change))).toContain(message);
    expect(read(withConfig(change))).toContain("a.safetensors: ");
  });

  test.each(["null", "[]", "3", '"topk"'])("%s", (text) =>
    expect(read(withText("config", text))).toContain("a.safetensors: "),
  );

  test("a prototype's name among its keys", () => {
    const bytes = changed((metadata) =>
      Object.assign(metadata, { config: metadata.config!.replace("{", '{"__proto__":{"k":1},') }),
    );
    expect(read(bytes)).toContain("has no option _");
  });
});

describe("tensors", () => {
  test.each<[string, (tensors: TensorMap) => void, string]>([
    ["one missing", (tensors) => delete tensors.W_dec, "W_dec is missing, its configuration needs [6, 4]"],
    [
      "another shape",
      (tensors) => Object.assign(tensors, { b_enc: zeros("float32", [5]) }),
      "b_enc is [5], its configuration needs [6]",
    ],
    ["transposed", (tensors) => Object.assign(tensors.W_dec!, { dims: [4, 6] }), "W_dec is [4, 6]"],
    [
      "another type",
      (tensors) => Object.assign(tensors, { b_enc: zeros("float16", [6]) }),
      '"b_enc" is float16 [6], a checkpoint holds float32',
    ],
    [
      "state of another type",
      (tensors) => Object.assign(tensors, { "m.W_enc": int64s([1]) }),
      '"m.W_enc" is int64 [1], a checkpoint holds float32',
    ],
  ])("%s", (_, change, message) => expect(read(changed((_metadata, tensors) => change(tensors)))).toContain(message));
});

/** Reads, or refuses in one line; anything else fails. */
function readsOrRefuses(bytes: Uint8Array): Checkpoint | undefined {
  try {
    return readCheckpoint(bytes, file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    expect(error.message.length).toBeLessThan(2000);
    return undefined;
  }
}

test("every truncation is refused", () => {
  for (let length = 0; length < good.length; length++)
    expect(readsOrRefuses(good.subarray(0, length)), `${length}`).toBeUndefined();
});

test("every flipped bit of the header reads or is refused", () => {
  const header = 8 + Number(new DataView(good.buffer, good.byteOffset).getBigUint64(0, true));
  for (let bit = 0; bit < header * 8; bit++) {
    const bytes = good.slice();
    bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
    readsOrRefuses(bytes);
  }
});

test("any values in the configuration read as themselves or are refused", () => {
  const key = fc.constantFrom(
    "architecture",
    "preset",
    "k",
    "seed",
    "epochs",
    "decoder_bias",
    "select",
    "unit_norm",
    "__proto__",
    "latent_dim",
  );
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue(), { minKeys: 1 }), (change) => {
      const whole = { ...JSON.parse(readSafetensors(good, file).metadata.config!), ...change };
      const checkpoint = readsOrRefuses(withConfig(change));
      if (checkpoint)
        expect({ ...checkpoint.config, ...checkpoint.config.options }).toMatchObject({
          seed: whole.seed,
          k: whole.k,
          epochs: whole.epochs,
        });
    }),
    { seed: 8, numRuns: 500 },
  );
});

test("any metadata read or are refused", () => {
  const key = fc.constantFrom(
    "config",
    "epochs_done",
    "loss",
    "data_digest",
    "layer",
    "position",
    "metrics",
    "format",
    "version",
  );
  fc.assert(
    fc.property(fc.dictionary(key, fc.oneof(fc.json(), fc.string())), (change) => {
      readsOrRefuses(changed((metadata) => Object.assign(metadata, change)));
    }),
    { seed: 9, numRuns: 500 },
  );
});
