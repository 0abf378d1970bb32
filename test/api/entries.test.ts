import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import * as inBrowser from "../../src/browser.ts";
import * as inNode from "../../src/node.ts";
import { isExpected } from "../../src/util/errors.ts";
import { sparseRows } from "../cli/run.ts";

// For the compiler: either entry can stand where the other does.
const asInBrowser: typeof inBrowser = inNode;
const asInNode: typeof inNode = inBrowser;

type AnyFunction = (...given: unknown[]) => unknown;

/** What a call fails with; undefined when it does not. */
async function failureOf(run: AnyFunction, given: readonly unknown[]): Promise<Error | undefined> {
  try {
    await run(...given);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

const isClass = (value: unknown): boolean => /^class\b/.test(String(value));
const functionsOf = (entry: object): [string, AnyFunction][] =>
  Object.entries(entry).filter((one): one is [string, AnyFunction] => typeof one[1] === "function" && !isClass(one[1]));

describe("the entries", () => {
  test("have the same names", () => {
    expect(Object.keys(asInNode).sort()).toEqual(Object.keys(asInBrowser).sort());
    expect(Object.keys(inNode)).toEqual(
      expect.arrayContaining(["evaluate", "loadEncoder", "train", "SaeWorker", "cpu"]),
    );
  });

  test("are imported by name in plain Node, the one for browsers too", () => {
    const script = `
      import * as all from "sae-onnx"; import * as node from "sae-onnx/node"; import * as browser from "sae-onnx/browser";
      if (all.train !== node.train) throw new Error("not Node's");
      const said = await browser.train(
        node.trainConfig({ inputDim: 2, latentDim: 4, options: { k: 1 }, batchSize: 1 }), node.tensor("float32", [1, 2], new Float32Array(2)),
      ).catch((error) => error.message);
      console.log(said);`;
    const { stdout, stderr } = spawnSync("node", ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(stdout.trim(), stderr).toBe(
      'sae-onnx/browser computes in a Web Worker, and there are none here; in Node import "sae-onnx" or "sae-onnx/node"',
    );
  });

  test.each([
    ["a browser", () => inBrowser.readModel("a.onnx"), "readModel works in Node only"],
    ["a browser", () => inBrowser.cpu.open({ bytes: new Uint8Array(), external: [] }), "cpu.open works in Node only"],
    ["a browser", () => inBrowser.providers.cpu.load(), "providers.cpu.load works in Node only"],
    ["Node", () => inNode.SaeWorker.start(), "SaeWorker.start works in a browser only"],
  ])("in %s what it has not says so: %#", async (where, call, words) => {
    const error = await failureOf(call, []);
    expect(error).toMatchObject({ name: "ConfigError", message: expect.stringContaining(words) });
    expect(error!.message).toContain(`called in ${where}`);
  });
});

/** Whatever they are given, they answer. */
const takeAnything = ["isDeviceLost", "progressOf"];

describe.each([
  ["Node", inNode],
  ["a browser", inBrowser],
])("every function, called wrongly in %s, says so in one line", (_, entry) => {
  const functions = functionsOf(entry).filter(([name]) => !takeAnything.includes(name));

  test.each(functions)("%s", async (name, run) => {
    for (const given of [[], [null, null, null], [3, "text", {}], [{}, {}, {}], [[], [], []]]) {
      const error = await failureOf(run, given);
      expect(error && isExpected(error), `${name}(${JSON.stringify(given)}): ${error?.stack ?? "no error"}`).toBe(true);
      expect(error!.message).not.toContain("\n");
      if (given.length === 0) expect(error!.message).toContain(name);
    }
  });

  test.each(functionsOf(entry.op))("op.%s", async (name, run) => {
    for (const given of [[], [null, null, null]]) {
      const error = await failureOf(run, given);
      if (error) expect(isExpected(error), `op.${name}(${given}): ${error.stack}`).toBe(true);
    }
  });
});

describe("arguments", () => {
  const rows = sparseRows(8, 4);
  const config = inNode.trainConfig({ inputDim: 4, latentDim: 8, options: { k: 2 }, batchSize: 4 });
  const checkpoint = {
    config,
    tensors: {},
    epochsDone: 0,
    loss: [],
    dataDigest: "",
    layer: null,
    position: null,
    metrics: {},
  };
  const data = { train: rows, validation: rows };
  const { evaluate, train, loadEncoder, freeze, takeRows, tensor, decodeModel, trainOn, writeModel, cpu } =
    inNode as unknown as Record<string, AnyFunction>;

  test.each<[string, AnyFunction, unknown[], string]>([
    [
      "swapped",
      evaluate!,
      [data, "a.onnx"],
      "evaluate: model must be a frozen model: where it is (a path in Node, an address in a browser), its bytes (Uint8Array), or what freeze gives, got an object { train, validation }",
    ],
    [
      "a matrix for a split",
      evaluate!,
      ["a.onnx", rows],
      "evaluate: data must be { train, validation }, each a float32 tensor [rows, inputDim], got a float32 tensor [8, 4]",
    ],
    [
      "a runtime, as evaluateOn takes it",
      evaluate!,
      [cpu, "a.onnx", data],
      "evaluate: model must be a frozen model: where it is (a path in Node, an address in a browser), its bytes (Uint8Array), or what freeze gives, got an object { provider, open }",
    ],
    [
      "swapped",
      train!,
      [rows, config],
      "train: config must be a training configuration, as trainConfig({ inputDim, latentDim, options }) makes it, got a float32 tensor [8, 4]",
    ],
    [
      "bare numbers",
      train!,
      [config, rows.data],
      'train: rows must be a float32 tensor [rows, inputDim]: { dtype: "float32", dims, data: Float32Array }, as tensor("float32", dims, data) makes it, got a Float32Array of 128 bytes',
    ],
    [
      "an unknown option",
      train!,
      [config, rows, { epochs: 3 }],
      "train: there is no option epochs; there are provider, threads, wasmPath, workerPath, startWorker, worker, from, onEpoch, signal",
    ],
    [
      "a wrong option",
      train!,
      [config, rows, { onEpoch: 3 }],
      "train: options.onEpoch must be a function, or left out, got 3",
    ],
    [
      "no such provider",
      train!,
      [config, rows, { provider: "tpu" }],
      'train: options.provider must be one of auto, cpu, wasm, webgpu, cuda, got "tpu"',
    ],
    [
      "no threads",
      train!,
      [config, rows, { threads: 0 }],
      "train: options.threads must be an integer of at least 1, got 0",
    ],
    [
      "nothing",
      loadEncoder!,
      [],
      "loadEncoder: source must be a frozen model: where it is (a path in Node, an address in a browser), its bytes (Uint8Array), or what freeze gives, got undefined",
    ],
    [
      "swapped",
      freeze!,
      ["encoder", checkpoint],
      'freeze: checkpoint must be a checkpoint { config, tensors, ... }, as readCheckpoint gives it, got "encoder"',
    ],
    [
      "no such part",
      freeze!,
      [checkpoint, "encode"],
      'freeze: part must be one of encoder, autoencoder, decoder, evaluator, got "encode"',
    ],
    [
      "swapped",
      takeRows!,
      [new Uint32Array(2), rows],
      'takeRows: activations must be a float32 tensor [rows, inputDim]: { dtype: "float32", dims, data: Float32Array }, as tensor("float32", dims, data) makes it, got a Uint32Array of 8 bytes',
    ],
    [
      "swapped",
      tensor!,
      [[1], "float32", rows.data],
      "tensor: dtype must be one of float32, float64, float16, int32, int64, int8, bool, got an array of 1",
    ],
    ["swapped", decodeModel!, ["a.onnx", new Uint8Array(3)], 'decodeModel: bytes must be a Uint8Array, got "a.onnx"'],
    [
      "swapped",
      trainOn!,
      [config, cpu, rows],
      "trainOn: runtime must be a runtime, such as cpu, got an object { inputDim, latentDim, architecture, options, …",
    ],
    ["swapped", writeModel!, [{}, "a.onnx"], "writeModel: path must be a text, got an object without fields"],
  ])("%s: %o", async (_, run, given, message) => {
    const error = await failureOf(run, given);
    expect(error?.name).toBe("ConfigError");
    if (message.endsWith("…"))
      expect(error!.message.startsWith("trainOn: runtime must be a runtime, such as cpu, got an object {")).toBe(true);
    else expect(error!.message).toBe(message);
  });

  test("an encoder asks for rows of its width", async () => {
    const { state } = await inNode.train({ ...config, epochs: 1 }, rows);
    const encoder = await inNode.loadEncoder(inNode.freeze({ ...checkpoint, tensors: state }, "encoder"));
    await expect(encoder.encode(sparseRows(2, 3))).rejects.toThrow(
      'encode: activations must be a float32 tensor [batch, 4]: { dtype: "float32", dims, data: Float32Array }, as tensor("float32", dims, data) makes it, got a float32 tensor [2, 3]',
    );
    await expect(encoder.encode(sparseRows(0, 4))).rejects.toThrow(
      "encode: activations have no rows; give one or more",
    );
    const { latents, top_indices } = await encoder.encode(sparseRows(2, 4));
    expect([latents!.dims, top_indices!.dtype, top_indices!.dims]).toEqual([[2, 8], "int64", [2, 2]]);
    await encoder.release();
  });
});

describe("training in Node", () => {
  const rows = sparseRows(32, 4);
  const config = inNode.trainConfig({ inputDim: 4, latentDim: 8, options: { k: 2 }, batchSize: 8, epochs: 4 });

  test("is the same as on a runtime of one's own, and tells of its epochs", async () => {
    const news: number[] = [];
    const { state, loss, provider, seconds } = await inNode.train(config, rows, {
      onEpoch: ({ epochsDone }) => news.push(epochsDone),
    });
    const own = await inNode.trainOn(inNode.cpu, config, rows, { threads: 1 });
    expect({ state, loss }).toEqual({ state: own.state, loss: own.loss });
    expect(news.at(-1)).toBe(4);
    expect(provider).toBe("cpu");
    expect(seconds).toBeGreaterThan(0);
  });

  test("is stopped by a signal, and goes on from there", async () => {
    const controller = new AbortController();
    controller.abort();
    const first = await inNode.train(config, rows, { signal: controller.signal });
    expect([first.epochsDone, first.loss]).toEqual([0, []]);
    const whole = await inNode.train(config, rows, { from: first });
    expect(whole.loss).toEqual((await inNode.train(config, rows)).loss);
  });
});
