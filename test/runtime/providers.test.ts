import { describe, expect, test, vi } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import { buildModel } from "../../src/graph/build.ts";
import { loop } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { providers, usableRuntime } from "../../src/runtime/providers.node.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { wasm } from "../../src/runtime/web.ts";
import { random } from "../../src/util/random.ts";
import { sizeOf, tensor } from "../../src/util/tensor.ts";
import { bodies, type Example } from "../graph/bodies.ts";
import { numbers } from "../run.ts";

const rng = random(5, "providers");
const draw = (...dims: number[]) =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => rng.normal()),
  );

/** Three steps of gradient descent on a small TopK autoencoder, in a Loop. */
function training() {
  const x = op.input("float32", ["batch", 6]);
  const W = op.input("float32", [10, 6]);
  const { state, outputs } = loop({
    trips: op.scalarOf("int64", 3),
    state: { W },
    body: (_, { W }) => {
      const pre = op.gemm(x, W, { transB: true });
      const { values, indices } = op.topK(pre, 3);
      const z = op.scatterElements(op.zerosLike(pre), indices, values);
      const loss = op.meanSquare(op.sub(op.matMul(z, W), x));
      return { state: { W: op.sub(W, op.mul(gradients(loss, { W }).W, 0.01)) }, outputs: { loss } };
    },
  });
  return {
    inputs: { x, W },
    outputs: { trained: state.W, losses: outputs.loss },
    feeds: { x: draw(5, 6), W: draw(10, 6) },
  };
}

async function run(runtime: Runtime, { inputs, outputs, feeds }: Pick<Example, "inputs" | "outputs" | "feeds">) {
  const session = await runtime.open(packModel(buildModel({ inputs, outputs })), { threads: 1 });
  try {
    expect([session.inputNames, session.outputNames]).toEqual([Object.keys(inputs), Object.keys(outputs)]);
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

describe("cpu and wasm give the same", () => {
  test.each(Object.entries(bodies))("%s", async (_, build) => {
    const example: Example = build();
    expect(await run(wasm, example)).toEqual(await run(cpu, example));
  });

  test("three steps of training, to float32 rounding", async () => {
    const example = training();
    const [a, b] = [await run(cpu, example), await run(wasm, example)];
    const losses = numbers(a.losses!.data);
    expect(losses[2]!).toBeLessThan(losses[0]!);
    for (const name of ["trained", "losses"]) {
      expect(b[name]!.dims).toEqual(a[name]!.dims);
      for (const [i, value] of numbers(a[name]!.data).entries())
        expect(Math.abs(numbers(b[name]!.data)[i]! - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    }
  });
});

describe("providers", () => {
  test.each(Object.entries(providers))("%s is found under its own name", async (name, { describe, load }) => {
    expect((await load()).provider).toBe(name);
    expect(describe).not.toBe("");
  });
});

test("a provider that was usable is not tried again; one that was not, is", async () => {
  const usable = vi
    .spyOn(providers.cpu, "usable")
    .mockResolvedValueOnce({ usable: false, reason: "no library", fix: "install it" } as never);
  await expect(usableRuntime("cpu")).rejects.toThrow("provider cpu: no library; install it");
  for (let n = 0; n < 3; n++) expect((await usableRuntime("cpu")).provider).toBe("cpu");
  expect(usable).toHaveBeenCalledTimes(2);
  usable.mockRestore();
});

test("on cpu denormal numbers count as zero", async () => {
  const x = op.input("float32", [1]);
  const feeds = { x: tensor("float32", [1], Float32Array.of(1e-38)) };
  const { y } = await run(cpu, { inputs: { x }, outputs: { y: op.mul(x, 0.01) }, feeds });
  expect(numbers(y!.data)).toEqual([0]);
});

test("results belong to the caller: a second run does not change those of the first", async () => {
  const x = op.input("float32", [2]);
  const session = await cpu.open(packModel(buildModel({ inputs: { x }, outputs: { y: op.neg(x) } })));
  const first = await session.run({ x: tensor("float32", [2], Float32Array.of(1, 2)) });
  await session.run({ x: tensor("float32", [2], Float32Array.of(3, 4)) });
  expect(numbers(first.y!.data)).toEqual([-1, -2]);
  await session.release();
});
