import { expect, test } from "vitest";
import { freeze } from "../../src/export/freeze.ts";
import { type WeightTypeName, weightTypes } from "../../src/export/weights/index.ts";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { packModel } from "../../src/onnx/model.ts";
import { providers } from "../../src/runtime/providers.node.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { sample } from "../checkpoint/sample.ts";
import { cases } from "../sae/cases.ts";

const names = Object.keys(weightTypes) as WeightTypeName[];
const width = 40;

/** Rows of very different size, one of zeros, one of denormal numbers. */
function matrix(): HostTensor<"float32"> {
  const rng = random(1, "weights");
  const sizes = [1, 1e-3, 300, 0, 1e-40, 1e-6];
  const data = sizes.flatMap((size) => Array.from({ length: width }, () => size * rng.normal()));
  return tensor("float32", [sizes.length, width], Float32Array.from(data));
}

const row = ({ data }: HostTensor<"float32">, at: number) => data.subarray(at * width, (at + 1) * width);

test.each(names)("%s moves no weight by more than it says, and some by half of that", (name) => {
  const [before, after] = [matrix(), weightTypes[name].rounded(matrix())];
  let nearest = 0;
  for (let at = 0; at < before.dims[0]!; at++) {
    const most = weightTypes[name].error(row(before, at));
    for (const [i, w] of row(before, at).entries()) {
      const moved = Math.abs(w - row(after, at)[i]!);
      expect(moved).toBeLessThanOrEqual(most);
      if (most > 0) nearest = Math.max(nearest, moved / most);
    }
  }
  if (name !== "float32") expect(nearest).toBeGreaterThan(0.5);
});

test.each(names.flatMap((name) => (["cpu", "wasm"] as const).map((provider) => [name, provider] as const)))(
  "the graph of %s gives the host's rounded matrix on %s",
  async (name, provider) => {
    // Denormal numbers are zero on the CPU provider.
    const stored = { ...matrix(), data: matrix().data.map((w) => (Math.abs(w) < 1e-30 ? 0 : w)) };
    const x = op.input("float32", ["batch", width]);
    const y = op.gemm(x, weightTypes[name].stored(stored, "W"), { transB: true });
    const session = await (await providers[provider].load()).open(
      packModel(buildModel({ inputs: { x }, outputs: { y } })),
    );
    const identity = new Float32Array(width * width);
    for (let i = 0; i < width; i++) identity[i * width + i] = 1;
    const { y: found } = await session.run({ x: tensor("float32", [width, width], identity) });
    await session.release();
    const expected = weightTypes[name].rounded(stored);
    const transposed = Float32Array.from(expected.data, (_, i) => {
      const [latent, at] = [i % expected.dims[0]!, Math.floor(i / expected.dims[0]!)];
      return row(expected, latent)[at]!;
    });
    expect(found!.data).toEqual(transposed);
  },
);

test("float16 refuses a weight it cannot hold, naming it", () => {
  const large = tensor("float32", [2, 1], Float32Array.of(1, 7e4));
  expect(() => weightTypes.float16.stored(large, "W_enc")).toThrow(/W_enc: 70000 at row 1 is past float16's.*int8/);
});

test("matrices are stored in 2 and 1 bytes an entry, biases in float32", async () => {
  const checkpoint = await sample(cases[0]!);
  const types = (dtype: WeightTypeName) =>
    Object.fromEntries(
      freeze(checkpoint, "autoencoder", { dtype }).graph!.initializer!.map(({ name, dataType }) => [name, dataType]),
    );
  // ONNX's numbers: 1 float32, 3 int8, 10 float16.
  expect(types("float16")).toMatchObject({ W_enc: 10, W_dec: 10, b_enc: 1 });
  expect(types("int8")).toMatchObject({ W_enc: 3, W_enc_scale: 1, W_dec: 3, W_dec_scale: 1, b_enc: 1 });
});
