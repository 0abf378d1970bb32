import { describe, expect, test } from "vitest";
import { buildModel } from "../../src/graph/build.ts";
import { loop, type Values } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import { scope } from "../../src/graph/value.ts";
import { packModel } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { Runtime, Tensors } from "../../src/runtime/session.ts";
import { wasm } from "../../src/runtime/web.ts";
import { ConfigError, RuntimeFailure } from "../../src/util/errors.ts";
import { int64s, tensor } from "../../src/util/tensor.ts";

const x = op.input("float32", ["rows", 2]);
const at = op.input("int64", ["n"]);
const feeds: Tensors = { x: tensor("float32", [3, 2], new Float32Array(6)), at: int64s([99]) };

async function failure(runtime: Runtime, model: Model, given: Tensors): Promise<Error> {
  const session = await runtime.open(packModel(model), { threads: 1 }).catch((error: unknown) => error as Error);
  if (session instanceof Error) return session;
  return session.run(given).then(
    () => new Error("nothing failed"),
    (error: unknown) => error as Error,
  );
}

const looped = (body: () => ReturnType<typeof op.neg>) =>
  scope("train", () =>
    loop({ trips: op.scalarOf("int64", 2), state: {}, body: () => ({ state: {}, outputs: { y: body() } }) }),
  ).outputs.y;

const gathers = () => scope("batch", () => op.gather(x, at)) as ReturnType<typeof op.neg>;
const reshapes = () => scope("decode", () => op.reshape(x, op.gather(at, op.ints(0, 0)))) as ReturnType<typeof op.neg>;

describe.each([cpu, wasm])("$provider names the place in the model", (runtime) => {
  /** onnxruntime-web has no names for what a kernel throws, only for the status it returns. */
  const named = (place: string) => (runtime === wasm && place.includes("Reshape") ? "" : ` in ${place}`);

  test.each<[string, Values, string, string]>([
    [
      "an index out of range",
      { y: gathers() },
      "batch (node batch/Gather_0)",
      "indices element out of data bounds, idx=99",
    ],
    [
      "an index out of range in a Loop's body",
      { y: looped(gathers) },
      "train/batch (node train/batch/Gather_0)",
      "idx=99",
    ],
    ["a shape that cannot be", { y: reshapes() }, "decode (node decode/Reshape_0)", "cannot be reshaped"],
    [
      "a shape that cannot be in a Loop's body",
      { y: looped(reshapes) },
      "train/decode (node train/decode/Reshape_0)",
      "cannot be reshaped",
    ],
  ])("%s", async (_, outputs, place, why) => {
    const error = await failure(runtime, buildModel({ inputs: { x, at }, outputs }), feeds);
    expect(error).toBeInstanceOf(RuntimeFailure);
    expect(error.message).toContain(`ONNX Runtime failed${named(place)}: `);
    expect(error.message).toContain(why);
    expect(error.message).not.toMatch(/\n|\.(cc|h):\d/);
    expect(error.cause).toBeInstanceOf(Error);
  });

  test("a model it refuses: the node, where it is told, and why", async () => {
    const model = buildModel({ inputs: { x, at }, outputs: { y: scope("encode", () => op.transpose(x)) } });
    model.graph!.node![0]!.attribute![0]!.ints = [0, 5];
    const error = await failure(runtime, model, feeds);
    expect(error).toBeInstanceOf(RuntimeFailure);
    const place = runtime === cpu ? " in encode (node encode/Transpose_0)" : "";
    expect(error.message).toContain(`ONNX Runtime refused the model${place}: `);
    expect(error.message).toContain("Invalid attribute perm {0, 5}, input shape = {0, 2}");
    expect(error.message).not.toContain("\n");
  });

  test("bytes that are no model", async () => {
    const error = await runtime.open({ bytes: new Uint8Array(100), external: [] }).catch((e: unknown) => e as Error);
    expect(error).toBeInstanceOf(RuntimeFailure);
    expect((error as Error).message).toMatch(/^ONNX Runtime refused the model: .*protobuf/i);
  });
});

describe.each([cpu, wasm])("$provider and feeds that do not fit", (runtime) => {
  const model = buildModel({ inputs: { x, at }, outputs: { y: op.gather(x, at) } });
  test.each<[string, Tensors, typeof ConfigError | typeof RuntimeFailure, RegExp]>([
    ["a missing input", { x: feeds.x! }, ConfigError, /^run: input "at" is missing; the model takes x, at$/],
    [
      "another type",
      { x: feeds.x!, at: tensor("int32", [1], Int32Array.of(0)) },
      RuntimeFailure,
      /^ONNX Runtime failed: .*int32.*int64|^ONNX Runtime failed: .*int64.*int32/,
    ],
    [
      "another width",
      { ...feeds, x: tensor("float32", [2, 3], new Float32Array(6)) },
      RuntimeFailure,
      /^ONNX Runtime failed: .*invalid dimensions for input: x .*Got: 3 Expected: 2/,
    ],
    [
      "another rank",
      { ...feeds, x: tensor("float32", [6], new Float32Array(6)) },
      RuntimeFailure,
      /^ONNX Runtime failed: Invalid rank for input: x Got: 1 Expected: 2/,
    ],
  ])("%s", async (_, given, kind, message) => {
    const error = await failure(runtime, model, given);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
    expect(error).toBeInstanceOf(kind);
  });

  test("a feed it does not take is ignored", async () => {
    const session = await runtime.open(packModel(model));
    const { y } = await session.run({ ...feeds, at: int64s([2]), other: feeds.x! });
    expect(y!.dims).toEqual([1, 2]);
    await session.release();
  });
});
