import { expect, test } from "vitest";
import * as op from "../../src/graph/ops.ts";
import { constraints } from "../../src/sae/constraints.ts";
import { keepTop } from "../../src/sae/select.ts";
import { tensor } from "../../src/util/tensor.ts";
import { evaluateGraph, numbers } from "../run.ts";

/** Runs keepTop on one row of pre-activations. */
async function kept(pre: readonly number[], k: number, how: { magnitude?: boolean; relu?: boolean } = {}) {
  const x = op.input("float32", [1, pre.length]);
  const { z, top } = keepTop(x, how.magnitude ? op.abs(x) : x, k, how.relu ? op.relu : undefined);
  const feeds = { x: tensor("float32", [1, pre.length], Float32Array.from(pre)) };
  const out = await evaluateGraph({ x }, { z, values: top!.values, indices: top!.indices }, feeds);
  return { z: numbers(out.z!.data), values: numbers(out.values!.data), indices: numbers(out.indices!.data) };
}

test("the k largest by value, strongest first", async () => {
  expect(await kept([1, -9, 3, 2], 2)).toEqual({ z: [0, 0, 3, 2], values: [3, 2], indices: [2, 3] });
});

test("by magnitude, with their sign", async () => {
  expect(await kept([1, -9, 3, 2], 2, { magnitude: true })).toEqual({
    z: [0, -9, 3, 0],
    values: [-9, 3],
    indices: [1, 2],
  });
});

test("ties go to the lower index", async () => {
  expect(await kept([2, 5, -5, 5, 5], 2)).toMatchObject({ indices: [1, 3] });
  expect(await kept([2, 5, -5, 5, 5], 3, { magnitude: true })).toMatchObject({
    z: [0, 5, -5, 5, 0],
    indices: [1, 2, 3],
  });
});

test("with ReLU a kept negative counts nothing", async () => {
  expect(await kept([-3, 1, -2], 2, { relu: true })).toEqual({ z: [0, 1, 0], values: [1, 0], indices: [1, 2] });
});

test("all of them when k is all there are", async () => {
  expect(await kept([-3, 1, -2], 3)).toMatchObject({ z: [-3, 1, -2] });
});

test("unit rows: divided by their length; a row of zeros stays", async () => {
  const W = op.input("float32", [3, 2]);
  const { out } = await evaluateGraph(
    { W },
    { out: constraints.unitRows.apply(W) },
    { W: tensor("float32", [3, 2], Float32Array.of(3, 4, 0, 0, -2, 0)) },
  );
  expect(numbers(out!.data)).toEqual([0.6, 0.8, 0, 0, -1, 0].map(Math.fround));
});

test("the projected gradient is at right angles to unit rows, and keeps what already is", async () => {
  const [W, g] = [op.input("float32", [2, 2]), op.input("float32", [2, 2])];
  const feeds = {
    W: tensor("float32", [2, 2], Float32Array.of(1, 0, 0, 1)),
    g: tensor("float32", [2, 2], Float32Array.of(5, 7, 7, 5)),
  };
  const { out } = await evaluateGraph({ W, g }, { out: constraints.unitRowsProjected.gradient(W, g) }, feeds);
  expect(numbers(out!.data)).toEqual([0, 7, 7, 0]);
});
