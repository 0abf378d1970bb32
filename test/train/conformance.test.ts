import { describe, expect, test } from "vitest";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { ConstraintName } from "../../src/sae/constraints.ts";
import { architectureOf } from "../../src/sae/spec.ts";
import { train } from "../../src/train/train.ts";
import { cases } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const x = dictionaryRows(240, 16);

/** What each constraint promises of `[rows, width]` after a step. */
const promises: Record<ConstraintName, (data: Float32Array, width: number) => void> = {
  unitRows: expectUnitRows,
  unitRowsProjected: expectUnitRows,
  nonNegative: (data) => expect(data.filter((v) => !(v >= 0))).toEqual(new Float32Array()),
};

function expectUnitRows(data: Float32Array, width: number) {
  for (let at = 0; at < data.length; at += width)
    expect(Math.abs(Math.hypot(...data.subarray(at, at + width)) - 1)).toBeLessThan(1e-6);
}

describe.each(cases)("$name", ({ config }) => {
  test("learns data made from a dictionary", async () => {
    const { loss } = await train(cpu, config({ epochs: 40, learningRate: 1e-2 }), x, { threads: 1, epochsPerRun: 40 });
    expect(loss.length).toBe(40);
    expect(loss.at(-1)).toBeLessThan(0.4 * loss[0]!);
  });

  test("keeps its constraints after every epoch", async () => {
    const constrained = architectureOf(config()).constraints(config().options);
    await train(cpu, config(), x, {
      threads: 1,
      async onRun({ state }) {
        for (const [name, constraint] of Object.entries(constrained))
          promises[constraint!](state[name]!.data, state[name]!.dims[1]!);
        return true;
      },
    });
  });

  test("the same seed gives the same bytes, another seed others", async () => {
    const [a, b, c] = await Promise.all([1, 1, 2].map((seed) => train(cpu, config({ seed }), x, { threads: 1 })));
    expect(b).toEqual(a);
    // What only counts or scales has nothing of the seed.
    const drawn = (name: string) => !/_weight$|^steps_|^input_|^p$/.test(name);
    for (const name of Object.keys(a!.state).filter(drawn))
      expect(c!.state[name]!.data, name).not.toEqual(a!.state[name]!.data);
  });
});

test("unconstrained decoder rows do not stay unit length", async () => {
  const one = cases.find(({ name }) => name === "topk original")!;
  const { state } = await train(cpu, one.config(), x, { threads: 1 });
  expect(() => expectUnitRows(state.W_dec!.data, 16)).toThrow();
});
