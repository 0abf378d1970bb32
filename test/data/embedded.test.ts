import { expect, test } from "vitest";
import { columnOf, describeData } from "../../src/data/describe.ts";
import { readActivations, readLabels } from "../../src/data/files.node.ts";
import { splitRows } from "../../src/data/split.ts";
import { digest } from "../../src/util/digest.ts";
import { bytesOf } from "../../src/util/tensor.ts";

const path = "examples/data/use-lite-resid0-pos3.safetensors";

test("the embedded activations are what NumPy reads", async () => {
  const set = await readActivations(path);
  const { dims, data } = set.activations;
  expect(dims).toEqual([7473, 512]);
  expect([...data.subarray(0, 3)]).toEqual([-1.8515625, 1.509765625, -0.439208984375]);
  expect(data[1234 * 512 + 77]).toBe(0.21875);
  expect([...data.subarray(-3)]).toEqual([-0.1611328125, 2.6875, 1.6123046875]);
  // SHA-256 of NumPy's float32 bytes.
  expect(await digest(bytesOf(set.activations))).toBe(
    "b7ebaf3408bb5ad57c48f0165b498a950019772f9ad2456c1ce3fea35995df56",
  );

  const info = await describeData(set, splitRows(set));
  expect(info).toMatchObject({
    ...{ source: "use-lite-resid0-pos3.safetensors", train_rows: 5978, validation_rows: 1495 },
    ...{ input_dim: 512, synthetic: false },
  });
  expect([columnOf(set, "layer"), columnOf(set, "position")]).toEqual([null, 3]);
});

test("the embedded labels are one a row, all at position 3", async () => {
  const labels = await readLabels(path, 7473);
  expect(labels?.[1]).toEqual({
    text: "large water bug with piercing and sucking mouthparts; feeds on young fishes",
    ...{ position: 3, token_id: 28 },
  });
  expect(new Set(labels?.map(({ position }) => position))).toEqual(new Set([3]));
});

test("the language model's activations are what NumPy reads, a text beside each", async () => {
  const file = "examples/data/smollm2-resid14-last.safetensors";
  const set = await readActivations(file);
  const { dims, data } = set.activations;
  expect(dims).toEqual([7305, 576]);
  expect([...data.subarray(0, 3)]).toEqual([0.65185546875, -1.2314453125, 11.640625]);
  expect(data[1234 * 576 + 77]).toBe(-6.37109375);
  expect(await digest(bytesOf(set.activations))).toBe(
    "6751b8cdea65a2f6dc8f9ec4055a2d798f8c4d8b0c752dd02b70326764060f43",
  );
  const info = await describeData(set, splitRows(set));
  expect(info).toMatchObject({ train_rows: 5844, validation_rows: 1461, input_dim: 576, synthetic: false });
  expect((await readLabels(file, 7305))?.[1]).toEqual({
    text: "large water bug with piercing and sucking mouthparts; feeds on young fishes",
    ...{ position: 13, token_id: 22453 },
  });
});

test("the PyTorch reference file reads, matrix by name", async () => {
  const { activations, metadata } = await readActivations("test/fixtures/torch-topk-reference.safetensors", {
    tensor: "x",
  });
  expect(activations.dims).toEqual([300, 64]);
  expect(metadata.source).toContain("torch");
});
