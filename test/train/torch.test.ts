import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { takeRows } from "../../src/data/split.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { freeze } from "../../src/export/freeze.ts";
import { plainLatents } from "../../src/export/vectors/forward.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { parametersOf, statesOf } from "../../src/sae/spec.ts";
import type { TrainState } from "../../src/train/state.ts";
import { steps } from "../../src/train/steps/index.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { WrapperName } from "../../src/train/wrappers/index.ts";
import { sliceRows } from "../../src/util/tensor.ts";
import { bounds, gradientsOf, reader, stateAt, type Witness, witnesses, worst } from "./torch.ts";

/** Rows of the batch of one step, 0-based. */
const batchRows = (order: BigInt64Array, step: number) =>
  Uint32Array.from(order.slice(bounds[step]!.from, bounds[step]!.to), Number);

/** The weights and losses after the first step and after all twenty. */
async function trained(witness: Witness, wrapper: WrapperName = "loop") {
  const { x, targets, order } = reader(witness);
  const trainer = await Trainer.open(
    cpu,
    witness.config,
    { activations: x, targets },
    {
      ...{ state: stateAt(witness, "init"), threads: 1, wrapper },
    },
  );
  try {
    const first = await trainer.run({ order, bounds: bounds.slice(0, 1) });
    const afterOne = trainer.state;
    const rest = await trainer.run({ order, bounds: bounds.slice(1) });
    return { losses: [...first, ...rest], afterOne, state: trainer.state };
  } finally {
    await trainer.release();
  }
}

const checkpoint = ({ config }: Witness, tensors: TrainState): Checkpoint => ({
  ...{ config, tensors, epochsDone: 2, loss: [], dataDigest: "", layer: null, position: null, metrics: {} },
});

describe.each(Object.entries(witnesses))("%s against PyTorch in float64", (_, witness) => {
  const { x, targets, order, get, exact, has, meta } = reader(witness);
  const names = Object.keys(parametersOf(witness.config));
  const run = trained(witness);

  test("gradients of the first step", async () => {
    const [batch, target] = [x, targets].map((all) => all && takeRows(all, batchRows(order, 0)));
    const { loss, gradient } = await gradientsOf(witness.config, batch!, stateAt(witness, "init"), target);
    expect(Math.abs(loss / Number(exact("loss")[0]) - 1)).toBeLessThan(1e-5);
    expect(Object.keys(gradient)).toEqual(names);
    for (const name of names) expect(worst(gradient[name], get(`grad.${name}`)), name).toBeLessThan(1e-5);
  });

  if (has("late.grad.W_enc"))
    test("gradients of a step with dead latents", async () => {
      const batch = takeRows(x, batchRows(order, meta("late.step") - 1));
      const { gradient } = await gradientsOf(witness.config, batch, stateAt(witness, "late.init"));
      for (const name of names) expect(worst(gradient[name], get(`late.grad.${name}`)), name).toBeLessThan(1e-5);
    });

  test("weights after one step and after twenty", async () => {
    const { afterOne, state } = await run;
    for (const name of names) {
      expect(worst(afterOne[name], get(`step1.${name}`)), `${name} after 1`).toBeLessThan(1e-5);
      expect(worst(state[name], get(`step20.${name}`)), `${name} after 20`).toBeLessThan(1e-5);
    }
    for (const name of Object.keys(statesOf(witness.config)))
      if (has(`step20.${name}`))
        expect(worst(state[name], get(`step20.${name}`)), `${name} after 20`).toBeLessThan(1e-5);
  });

  if (!steps[witness.config.step].grows)
    test.each(["scan", "single"] as const)("weights and losses by wrapper %s", async (wrapper) => {
      const { afterOne, state, losses } = await trained(witness, wrapper);
      for (const name of names) {
        expect(worst(afterOne[name], get(`step1.${name}`)), `${name} after 1`).toBeLessThan(1e-5);
        expect(worst(state[name], get(`step20.${name}`)), `${name} after 20`).toBeLessThan(1e-5);
      }
      for (const [i, loss] of losses.entries())
        expect(Math.abs(loss / Number(exact("loss")[i]) - 1), `step ${i + 1}`).toBeLessThan(1e-5);
      if (has("steps_since_fired"))
        expect(Array.from(state.steps_since_fired!.data)).toEqual(Array.from(exact("steps_since_fired"), Number));
    });

  test("the loss of each of twenty steps", async () => {
    const { losses } = await run;
    expect(losses.length).toBe(20);
    for (const [i, loss] of losses.entries())
      expect(Math.abs(loss / Number(exact("loss")[i]) - 1), `step ${i + 1}`).toBeLessThan(1e-5);
  });

  if (has("steps_since_fired"))
    test("steps since each latent fired, after twenty", async () => {
      const { state } = await run;
      expect(Array.from(state.steps_since_fired!.data)).toEqual(Array.from(exact("steps_since_fired"), Number));
    });

  test("latents after twenty steps: the same ones kept, the same values", async () => {
    const { state } = await run;
    const session = await cpu.open(packModel(freeze(checkpoint(witness, state), "encoder")), { threads: 1 });
    const { latents } = await session.run({ activations: x }).finally(() => session.release());
    const expected = get("latents");
    expect(worst(latents, expected)).toBeLessThan(1e-5);
    const near = nearTies(witness, state);
    const differing = Array.from({ length: x.dims[0]! }, (_, row) => row).filter((row) => {
      const [ours, theirs] = [latents!, expected].map((one) => sliceRows(one, row, row + 1).data);
      return theirs!.some((v, i) => (v !== 0) !== (ours![i] !== 0));
    });
    expect(differing.filter((row) => !near.has(row))).toEqual([]);
    expect(near.size).toBeLessThan(15);
  });

  test("metrics, frozen and evaluated", async () => {
    const { state } = await run;
    const none = (rows: typeof x) => ({ train: sliceRows(rows, 0, 0), validation: rows });
    const data = { ...none(x), targets: targets && none(targets) };
    const { metrics } = await evaluate(cpu, freeze(checkpoint(witness, state), "autoencoder"), data, { threads: 1 });
    const expected: Record<string, number> = meta("metrics");
    expect(Object.keys(expected).length).toBe(11);
    for (const [key, value] of Object.entries(expected))
      expect(Math.abs(metrics[key]! - value), key).toBeLessThanOrEqual(1e-4 * Math.abs(value));
  });
});

/** Rows in which rounding may decide what is zero: a score within 1e-4 of the next or of its threshold, or a latent that grows from 0 there. */
function nearTies(witness: Witness, state: TrainState): Set<number> {
  const rows = plainLatents(witness.config, state, reader(witness).x);
  return new Set(rows.flatMap(({ gap, faint }, row) => (gap <= 1e-4 || faint > 0 ? [row] : [])));
}
