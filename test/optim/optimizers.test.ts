import { describe, expect, test } from "vitest";
import { loop } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import type { Value } from "../../src/graph/value.ts";
import { optimizerFrom, optimizerNames, optimizerOptions, optimizers } from "../../src/optim/index.ts";
import { type Optimizer, type Slots, whole } from "../../src/optim/optimizer.ts";
import { random } from "../../src/util/random.ts";
import { scalar, tensor, zeros } from "../../src/util/tensor.ts";
import { evaluateGraph, numbers } from "../run.ts";

const [steps, size] = [50, 8];

/** An optimizer with its defaults. */
const of = (name: keyof typeof optimizers, change: Record<string, number> = {}): Optimizer =>
  optimizerFrom(name, {
    ...Object.fromEntries(Object.entries(optimizerOptions).map(([option, { default: value }]) => [option, value!])),
    ...change,
  });

type V = Value<"float32">;

/**
 * Runs an optimizer in a Loop over given gradients `[steps, size]`: parameters and slots after every step. `scaled`: slots are kept in
 * units of scales that decay in their place.
 */
async function trajectory(
  optimizer: Optimizer,
  start: Float32Array,
  gradients: Float32Array,
  learningRate: number,
  { scaled = false } = {},
) {
  const parameter = op.input("float32", [size]);
  const all = op.input("float32", [steps, size]);
  const lr = op.input("float32", []);
  const scalars = Object.fromEntries(optimizer.scalars.map((name) => [name, op.scalarOf("float32", 0)]));
  const slots = Object.fromEntries(optimizer.slots.map((name) => [name, op.constant(zeros("float32", [size]))]));
  const scalesOf = (make: (slot: string) => V): Slots =>
    Object.fromEntries(scaled ? optimizer.slots.map((slot) => [`scale.${slot}`, make(slot)]) : []);
  const pick = (names: readonly string[], state: Slots) =>
    Object.fromEntries(names.map((name) => [name, state[name]!]));
  const { outputs } = loop({
    trips: op.scalarOf("int64", steps),
    state: { parameter, ...scalars, ...slots, ...scalesOf(() => op.scalarOf("float32", 1)) } as Record<string, V>,
    body: (step, before) => {
      const scales = scalesOf((slot) => op.mul(before[`scale.${slot}`]!, optimizer.decay[slot]!));
      const next = optimizer.advance(pick(optimizer.scalars, before));
      const gradient = op.gather(all, step);
      const after = optimizer.update({
        parameter: before.parameter!,
        gradient: whole(gradient),
        slots: pick(optimizer.slots, before),
        ...(scaled
          ? { scales: Object.fromEntries(optimizer.slots.map((slot) => [slot, scales[`scale.${slot}`]!])) }
          : {}),
        scalars: next,
        learningRate: lr,
      });
      const state = { parameter: after.parameter, ...next, ...after.slots, ...scales };
      return { state, outputs: state };
    },
  });
  const feeds = {
    parameter: tensor("float32", [size], start),
    all: tensor("float32", [steps, size], gradients),
    lr: scalar(learningRate),
  };
  const named = Object.fromEntries(Object.entries(outputs).map(([name, value]) => [`all_${name}`, value]));
  const results = await evaluateGraph({ parameter, all, lr }, named, feeds);
  return Object.fromEntries(Object.keys(outputs).map((name) => [name, numbers(results[`all_${name}`]!.data)]));
}

/** Adam by the paper's algorithm 1, in float64. */
function adamByHand(start: Float32Array, gradients: Float32Array, learningRate: number): number[] {
  const [theta, m, v] = [Float64Array.from(start), new Float64Array(size), new Float64Array(size)];
  const result: number[] = [];
  for (let t = 1; t <= steps; t++) {
    for (let i = 0; i < size; i++) {
      const g = gradients[(t - 1) * size + i]!;
      m[i] = 0.9 * m[i]! + 0.1 * g;
      v[i] = 0.999 * v[i]! + 0.001 * g * g;
      const mHat = m[i]! / (1 - 0.9 ** t);
      const vHat = v[i]! / (1 - 0.999 ** t);
      theta[i]! -= (learningRate * mHat) / (Math.sqrt(vHat) + 1e-8);
    }
    result.push(...theta);
  }
  return result;
}

const rng = random(4, "optim");
const start = Float32Array.from({ length: size }, () => rng.normal());
const zero = new Float32Array(size);
const gradientsOf = (scale: number) => Float32Array.from({ length: steps * size }, () => scale * rng.normal());

describe("adam", () => {
  test.each([1, 1e-3, 1e-6, 1e-8, 1e-10, 1e-15, 1e-22])(
    "50 steps with gradients about %d, against float64",
    async (scale) => {
      const gradients = gradientsOf(scale);
      const { parameter } = await trajectory(of("adam"), zero, gradients, 1e-3);
      const expected = adamByHand(zero, gradients, 1e-3);
      // The whole way from zero, so that small movements count.
      const farthest = Math.max(...expected.map(Math.abs));
      expect(farthest).toBeGreaterThan(0);
      const worst = Math.max(...expected.map((value, i) => Math.abs(value - parameter![i]!)));
      expect(worst / farthest).toBeLessThan(2e-6);
    },
  );

  test.each([1, 1e-10])("with its slots in units of scales it goes the same way, gradients about %d", async (scale) => {
    const gradients = gradientsOf(scale);
    const plain = await trajectory(of("adam"), zero, gradients, 1e-3);
    const scaled = await trajectory(of("adam"), zero, gradients, 1e-3, { scaled: true });
    const farthest = Math.max(...plain.parameter!.map(Math.abs));
    for (const [i, value] of plain.parameter!.entries())
      expect(Math.abs(scaled.parameter![i]! - value) / farthest).toBeLessThan(2e-6);
    for (const slot of ["m", "v"])
      for (const [i, value] of plain[slot]!.entries()) {
        const unit = scaled[`scale.${slot}`]![Math.floor(i / size)]!;
        expect(Math.abs(scaled[slot]![i]! * unit - value)).toBeLessThan(2e-6 * Math.max(...plain[slot]!.map(Math.abs)));
      }
  });

  test("from a random start the parameters agree to float32 rounding", async () => {
    const gradients = gradientsOf(0.1);
    const { parameter } = await trajectory(of("adam"), start, gradients, 1e-2);
    for (const [i, value] of adamByHand(start, gradients, 1e-2).entries())
      expect(Math.abs(value - parameter![i]!)).toBeLessThan(2e-6);
  });

  test("the sums of weights are (1 - beta^t) / (1 - beta), to all digits also over the first steps", async () => {
    const { m_weight, v_weight } = await trajectory(of("adam"), zero, gradientsOf(1), 1e-3);
    for (let t = 1; t <= steps; t++) {
      expect(Math.abs((m_weight![t - 1]! * (1 - 0.9)) / (1 - 0.9 ** t) - 1)).toBeLessThan(1e-6);
      expect(Math.abs((v_weight![t - 1]! * (1 - 0.999)) / (1 - 0.999 ** t) - 1)).toBeLessThan(1e-6);
    }
  });

  test("a gradient of exactly zero moves nothing, and gives no NaN", async () => {
    const { parameter, m, v } = await trajectory(of("adam"), start, new Float32Array(steps * size), 1e-3);
    expect(parameter!.slice(-size)).toEqual(Array.from(start));
    expect([...m!, ...v!].every((value) => value === 0)).toBe(true);
  });
});

describe("sgd", () => {
  test("is the start less the sum of what it was given", async () => {
    const gradients = gradientsOf(1);
    const { parameter } = await trajectory(of("sgd"), start, gradients, 0.125);
    for (let i = 0; i < size; i++) {
      let expected = start[i]!;
      for (let t = 0; t < steps; t++) expected -= 0.125 * gradients[t * size + i]!;
      expect(Math.abs(parameter![(steps - 1) * size + i]! - expected)).toBeLessThan(1e-5);
    }
  });
});

describe.each(optimizerNames)("%s", (name) => {
  test("is listed under its own name, with a source", () => {
    expect(optimizers[name].name).toBe(name);
    expect(optimizers[name].source).not.toBe("");
  });

  test("what drifts moves, to the bit, as with a gradient of zero", async () => {
    const optimizer = of(name);
    const inputs = (names: readonly string[], dims: readonly number[]) =>
      Object.fromEntries(names.map((one) => [one, op.input("float32", dims)]));
    const { parameter, ...slots } = inputs(["parameter", ...optimizer.slots], [size]);
    const scalars = inputs(optimizer.scalars, []);
    const scales = Object.fromEntries(optimizer.slots.map((slot) => [slot, op.scalarOf("float32", 0.3)]));
    const learningRate = op.scalarOf("float32", 1e-3);
    const given = { parameter: parameter!, scales, scalars, learningRate };
    const gradient = whole(op.zerosLike(parameter!));
    const updated = optimizer.update({ ...given, gradient, slots }).parameter;
    const drifted = op.add(optimizer.drift.step({ ...given, held: optimizer.drift.hold(slots) }), 0);
    const positive = () => Float32Array.from({ length: size }, () => 1e-2 * rng.uniform());
    const results = await evaluateGraph(
      { parameter: parameter!, ...slots, ...scalars },
      { updated, drifted },
      {
        parameter: tensor("float32", [size], start),
        ...Object.fromEntries(optimizer.slots.map((slot) => [slot, tensor("float32", [size], positive())])),
        ...Object.fromEntries(optimizer.scalars.map((one) => [one, scalar(4)])),
      },
    );
    expect(results.drifted!.data).toEqual(results.updated!.data);
    if (optimizer.rest.moves.length > 0) expect(results.drifted!.data).not.toEqual(start);
  });

  test("finds the minimum of (p - 3)^2", async () => {
    const parameter = op.input("float32", []);
    const optimizer = of(name);
    const names = [...optimizer.scalars, ...optimizer.slots];
    const { state } = loop({
      trips: op.scalarOf("int64", 400),
      state: { parameter, ...Object.fromEntries(names.map((one) => [one, op.scalarOf("float32", 0)])) } as Record<
        string,
        V
      >,
      body: (_, before) => {
        const scalars = optimizer.advance(before);
        const gradient = op.mul(op.sub(before.parameter!, 3), 2);
        const after = optimizer.update({
          parameter: before.parameter!,
          gradient: whole(gradient),
          slots: before,
          scalars,
          learningRate: op.scalarOf("float32", 0.1),
        });
        return { state: { parameter: after.parameter, ...scalars, ...after.slots } as Record<string, V>, outputs: {} };
      },
    });
    const { last } = await evaluateGraph({ parameter }, { last: state.parameter! }, { parameter: scalar(-1) });
    expect(numbers(last!.data)[0]).toBeCloseTo(3, 2);
  });
});
