import { expect, test } from "vitest";
import { type Ort, type OrtTensor, openSession } from "../../src/runtime/session.ts";
import { tensor } from "../../src/util/tensor.ts";

/** Tensors that know where they are, and whether they still hold memory there. */
class FakeTensor {
  static live = new Set<FakeTensor>();
  readonly type: string;
  readonly data: Float32Array;
  readonly dims: readonly number[];
  location = "cpu";
  constructor(type: string, data: Float32Array, dims: readonly number[]) {
    [this.type, this.data, this.dims] = [type, data, dims];
  }
  static onGpu(value: number): FakeTensor {
    const one = new FakeTensor("float32", Float32Array.of(value), []);
    one.location = "gpu-buffer";
    FakeTensor.live.add(one);
    return one;
  }
  dispose(): void {
    expect(FakeTensor.live.delete(this), "disposed twice").toBe(true);
  }
}

/** A package whose one model adds `x` to the state, which stays on its device. */
function fakeOrt() {
  const asked: { options?: Record<string, unknown> } = {};
  let fails = false;
  const session = {
    inputNames: ["x", "W"],
    outputNames: ["loss", "W_next"],
    async run({ x, W }: Record<string, FakeTensor>) {
      if (fails) throw new Error("device lost");
      const sum = x!.data[0]! + W!.data[0]!;
      return { loss: new FakeTensor("float32", Float32Array.of(10 * sum), []), W_next: FakeTensor.onGpu(sum) };
    },
    async release() {},
  };
  const create = async (_bytes: Uint8Array, options: Record<string, unknown>) => {
    asked.options = options;
    return session;
  };
  const ort = { InferenceSession: { create }, Tensor: FakeTensor } as unknown as Ort;
  return { ort, asked, fail: () => (fails = true) };
}

const scalar = (value: number) => tensor("float32", [], Float32Array.of(value));
const read = async (x: OrtTensor) => x;

test("what is carried stays on the device, and each tensor there is given back once", async () => {
  FakeTensor.live.clear();
  const { ort, asked, fail } = fakeOrt();
  const model = { bytes: new Uint8Array(), external: [] };
  const session = await openSession(ort, model, {}, { carried: { W_next: "W" }, onDevice: true, read });
  expect(asked.options).toMatchObject({ preferredOutputLocation: { W_next: "gpu-buffer" } });
  expect(await session.carried()).toEqual({});

  expect(await session.run({ x: scalar(1), W: scalar(5) })).toEqual({ loss: scalar(60) });
  for (const x of [2, 3]) await session.run({ x: scalar(x) });
  expect(FakeTensor.live.size).toBe(1);
  expect(await session.carried()).toEqual({ W: scalar(11) });

  // Given anew, the state starts there; a run that fails leaves what was.
  await session.run({ x: scalar(1), W: scalar(0) });
  fail();
  await expect(session.run({ x: scalar(1) })).rejects.toThrow("ONNX Runtime failed: device lost");
  expect(await session.carried()).toEqual({ W: scalar(1) });
  expect(FakeTensor.live.size).toBe(1);
  await session.release();
  expect(FakeTensor.live.size).toBe(0);
});
