import { describe, expect, test } from "vitest";
import { float32ToHalf } from "../../../src/data/half.ts";
import { attach } from "../../../src/export/attach/attach.ts";
import { encodeModel } from "../../../src/onnx/model.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import { tensor } from "../../../src/util/tensor.ts";
import { autoencoder, exposing, runBytes, same } from "./running.ts";
import { feeds, inHalf, inOpset, stream, transformer } from "./transformer.ts";

describe("a model that is fed the activation", () => {
  test.each([
    ["float32", transformer(), feeds, false],
    ["opset 11", inOpset(transformer(), 11), feeds, false],
    ["float16", inHalf(transformer()), { x: tensor("float16", feeds.x.dims, float32ToHalf(feeds.x.data)) }, true],
  ] as const)("goes on from it, in %s", async (_, model, given, isHalf) => {
    const host = { bytes: encodeModel(exposing(model, stream)), file: "lm.onnx" };
    const { bytes, inputs } = attach(
      host,
      { model: autoencoder, file: "sae.onnx" },
      { tensor: stream, outputs: [], fed: true },
    );
    expect(inputs).toEqual(["sae_activation"]);
    const before = await runBytes(cpu, host.bytes, given);
    const { dims, data } = before.exposed!;
    const own = data as Float32Array;
    const feed = (values: Float32Array) =>
      runBytes(cpu, bytes, { ...given, sae_activation: tensor("float32", dims, values) });
    const outputs = Object.keys(before);
    const again = await feed(own);
    // As without, to the bit; but for the rounding of float16, which a CPU leaves out where one node gives a value to the next.
    for (const name of outputs) same(again[name], before[name]!, isHalf, name);
    const other = await feed(own.map((value) => 2 * value + 1));
    for (const name of outputs) expect(other[name]!.data).not.toEqual(before[name]!.data);
  });
});
