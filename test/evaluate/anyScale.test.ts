import fc from "fast-check";
import { expect, test } from "vitest";
import { type Evaluation, evaluate } from "../../src/evaluate/evaluate.ts";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { metricKeys } from "../../src/metrics/index.ts";
import { packModel } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, sliceRows, tensor } from "../../src/util/tensor.ts";
import { plainMetrics } from "../metrics/plain.ts";

const [inputDim, latentDim, trainRows] = [12, 20, 30];

/** Drawn rows: how large, how far from the training rows, and what is special about them. */
interface Drawn {
  readonly seed: number;
  readonly rows: number;
  /** Power of ten of their standard deviation. */
  readonly scale: number;
  /** Distance of their mean from that of the training rows, in standard deviations. */
  readonly away: number;
  readonly kind: "any" | "equal" | "one heavy";
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  seed: fc.nat(),
  rows: fc.integer({ min: 1, max: 40 }),
  scale: fc.integer({ min: -20, max: 17 }),
  away: fc.constantFrom(0, 1, 100, 1e4),
  kind: fc.constantFrom("any", "any", "equal", "one heavy"),
});

/** Training rows about 0 first, then the validation rows. */
function rowsOf({ seed, rows, scale, away, kind }: Drawn): HostTensor<"float32"> {
  const rng = random(seed, "rows");
  const size = 10 ** (scale - Math.log10(Math.max(away, 1)));
  const mean = Float64Array.from({ length: inputDim }, () => away * rng.normal());
  const row = (at: number) => Array.from(mean, (m) => (at < trainRows ? rng.normal() : (m + rng.normal()) * size));
  const all = Array.from({ length: trainRows + rows }, (_, at) => row(at));
  if (kind === "equal") all.fill(all[trainRows]!, trainRows);
  if (kind === "one heavy") all[trainRows + rng.below(rows)]![3] = 1e3 * size * Math.max(away, 1);
  return tensor("float32", [all.length, inputDim], Float32Array.from(all.flat()));
}

/** A ReLU autoencoder with some error. */
const model = ((): Model => {
  const rng = random(3, "weights");
  const weights = (...dims: [number, number]) =>
    op.constant(
      tensor(
        "float32",
        dims,
        Float32Array.from({ length: dims[0] * dims[1] }, () => 0.3 * rng.normal()),
      ),
    );
  const activations = op.input("float32", ["n", inputDim]);
  const latents = op.relu(op.matMul(activations, weights(inputDim, latentDim)));
  const reconstruction = op.matMul(latents, weights(latentDim, inputDim));
  return buildModel({ inputs: { activations }, outputs: { latents, reconstruction } });
})();

/** Every metric by its definition, of the validation rows and of all, from what the model itself makes of all rows at once. */
async function plainly(x: HostTensor<"float32">) {
  const session = await cpu.open(packModel(model), { threads: 1 });
  const outputs = await session.run({ activations: x }).finally(() => session.release());
  const [z, xHat] = [outputs.latents, outputs.reconstruction] as HostTensor<"float32">[];
  const held = (one: HostTensor<"float32">) => sliceRows(one, trainRows, x.dims[0]!);
  return {
    validation: plainMetrics({ x: held(x), z: held(z!), xHat: held(xHat!) }),
    all: plainMetrics({ x, z: z!, xHat: xHat! }),
  };
}

const measured = (x: HostTensor<"float32">, batchSize: number): Promise<Evaluation> => {
  const data = { train: sliceRows(x, 0, trainRows), validation: sliceRows(x, trainRows, x.dims[0]!) };
  return evaluate(cpu, model, data, { threads: 1, batchSize });
};

test("drawn rows of any scale and any distance: each metric is its definition in float64, or null with a reason", async () => {
  await fc.assert(
    fc.asyncProperty(drawn, async (one) => {
      const x = rowsOf(one);
      const { metrics, nullReasons } = await measured(x, 1024);
      const plain = await plainly(x);
      for (const [key, { split }] of Object.entries(metricKeys)) {
        const [found, value] = [metrics[key], plain[split][key]!];
        // 0 by definition, and without meaning where rows do not vary.
        const none = key === "mean_predictor_explained_variance_centered" && metrics.row_fvu_mean === null;
        const expected = none ? Number.NaN : value;
        if (!Number.isFinite(expected)) expect([found, nullReasons[key]], key).toEqual([null, expect.any(String)]);
        else if (expected === 0) expect(found, key).toBe(0);
        else expect(Math.abs(found! / expected - 1), `${key} ${found} ${expected}`).toBeLessThan(1e-6);
        if (key.includes("explained_variance")) expect(found ?? 0, key).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 60 },
  );
});

test("the same numbers in batches of 1, 7 and all", async () => {
  await fc.assert(
    fc.asyncProperty(drawn, async (one) => {
      const x = rowsOf(one);
      const { metrics, nullReasons } = await measured(x, 1024);
      for (const batchSize of [1, 7]) {
        const other = await measured(x, batchSize);
        expect(other.nullReasons).toEqual(nullReasons);
        for (const [key, value] of Object.entries(metrics))
          if (value !== null)
            expect(Math.abs(other.metrics[key]! - value), key).toBeLessThanOrEqual(1e-9 * Math.abs(value));
      }
    }),
    { numRuns: 30 },
  );
});

test("what float32 cannot hold is null, with the number of rows", async () => {
  const x = rowsOf({ seed: 1, rows: 5, scale: 0, away: 0, kind: "any" });
  x.data.fill(3e38, (trainRows + 1) * inputDim, (trainRows + 2) * inputDim);
  const { metrics, nullReasons } = await measured(x, 1024);
  for (const key of ["explained_variance", "cosine_similarity", "reconstruction_loss", "max_activation", "l0_mean"])
    expect([metrics[key], nullReasons[key]]).toEqual([
      null,
      "float32 cannot hold what the model gives: NaN or infinity for 1 of 5 validation rows",
    ]);
  expect([metrics.feature_death_rate, nullReasons.feature_death_rate]).toEqual([
    null,
    expect.stringContaining("float32 cannot hold what the model gives"),
  ]);
});
