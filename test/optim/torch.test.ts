import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type TrainRequest, trainConfig } from "../../src/config/config.ts";
import { loop } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import type { Value } from "../../src/graph/value.ts";
import { whole } from "../../src/optim/optimizer.ts";
import { optimizerOf, slotName } from "../../src/train/state.ts";
import { learningRateNow } from "../../src/train/steps/scheduled.ts";
import { tensor, zeros } from "../../src/util/tensor.ts";
import { evaluateGraph } from "../run.ts";

type V = Value<"float32">;
type Numbers = Readonly<Record<"a" | "b", readonly number[]>>;

/** See test/fixtures/torch_optimizers.py. */
const witness = JSON.parse(readFileSync("test/fixtures/torch-optimizers.json", "utf8")) as {
  readonly steps: number;
  readonly start: Numbers;
  readonly gradients: Readonly<Record<"a" | "b", readonly (readonly number[])[]>>;
  readonly cases: Readonly<
    Record<string, { readonly settings: Partial<TrainRequest>; readonly path: typeof witness.gradients }>
  >;
};
const names = ["a", "b"] as const;

/** Both parameters after every step, by the optimizer and schedule that training uses. */
async function path(settings: Partial<TrainRequest>) {
  const { steps, start, gradients } = witness;
  const config = trainConfig({
    ...{ inputDim: 4, latentDim: 8, options: { k: 2 }, learningRate: 1e-2, ...settings },
    totalSteps: steps,
  });
  const optimizer = optimizerOf(config);
  const size = (name: "a" | "b") => start[name].length;
  const given = Object.fromEntries(names.map((name) => [name, op.input("float32", [steps, size(name)])])) as Record<
    string,
    V
  >;
  const state: Record<string, V> = { steps_done: op.scalarOf("float32", 0) };
  for (const scalar of optimizer.scalars) state[scalar] = op.scalarOf("float32", 0);
  for (const name of names) {
    state[name] = op.constant(tensor("float32", [size(name)], Float32Array.from(start[name])));
    for (const slot of optimizer.slots) state[slotName(slot, name)] = op.constant(zeros("float32", [size(name)]));
  }
  const { outputs } = loop({
    trips: op.scalarOf("int64", steps),
    state,
    body(step, before) {
      const scalars = optimizer.advance(before);
      const learningRate = learningRateNow(config, before);
      const next: Record<string, V> = { ...scalars, steps_done: op.add(before.steps_done!, 1) };
      const now = Object.fromEntries(names.map((name) => [name, op.gather(given[name]!, step)]));
      for (const [name, gradient] of Object.entries(optimizer.gradients(now))) {
        const slots = Object.fromEntries(optimizer.slots.map((slot) => [slot, before[slotName(slot, name)]!]));
        const one = { parameter: before[name]!, gradient: whole(gradient), slots, scalars, learningRate };
        const after = optimizer.update(one);
        next[name] = after.parameter;
        for (const [slot, value] of Object.entries(after.slots)) next[slotName(slot, name)] = value;
      }
      return { state: next, outputs: { a: next.a!, b: next.b! } };
    },
  });
  const feeds = Object.fromEntries(
    names.map((name) => [name, tensor("float32", [steps, size(name)], Float32Array.from(gradients[name].flat()))]),
  );
  return evaluateGraph(given, { path_a: outputs.a, path_b: outputs.b }, feeds);
}

test.each(Object.entries(witness.cases))("%s goes as PyTorch's in float64", async (_, { settings, path: expected }) => {
  const found = await path(settings);
  for (const name of names) {
    const [way, start] = [expected[name].flat(), witness.start[name]];
    const farthest = Math.max(...way.map((value, i) => Math.abs(value - start[i % start.length]!)));
    expect(farthest).toBeGreaterThan(1e-3);
    for (const [i, value] of way.entries())
      expect(Math.abs(Number(found[`path_${name}`]!.data[i]) - value) / farthest, `${name}, entry ${i}`).toBeLessThan(
        1e-5,
      );
  }
});
