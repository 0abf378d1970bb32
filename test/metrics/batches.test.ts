import { describe, expect, test } from "vitest";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";
import { measure, type Seen } from "./measure.ts";
import { plainMetrics } from "./plain.ts";

const [rows, inputDim, latentDim, k] = [300, 24, 40, 4];

/** Rows about `mean(dim)` with standard deviation 1, rebuilt with errors of 0.3; k signed latents a row, some never used. */
function draw(mean: (dim: number) => number): Seen {
  const rng = random(5, "metrics");
  const x = Float32Array.from({ length: rows * inputDim }, (_, i) => mean(i % inputDim) + rng.normal());
  const xHat = x.map((v) => v + 0.1 + 0.3 * rng.normal());
  const z = new Float32Array(rows * latentDim);
  const top = new Float32Array(rows * k);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < k; i++) {
      const value = rng.normal();
      z[row * latentDim + i * 9 + rng.below(7)] = value;
      top[row * k + i] = value;
    }
  return {
    x: tensor("float32", [rows, inputDim], x),
    xHat: tensor("float32", [rows, inputDim], xHat),
    z: tensor("float32", [rows, latentDim], z),
    top: tensor("float32", [rows, k], top),
  };
}

const data = {
  "no mean": draw(() => 0),
  "the same large mean in every dimension": draw(() => 1000),
  "large means, different in every dimension": draw((dim) => 1000 * Math.sin(dim + 1)),
  "a large mean and one huge dimension": draw((dim) => (dim === 3 ? -30000 : 1000)),
};

/** Relative to the value, or to 1 for a share or score that is near 0: 1e-6 of an explained variance of 0.004 is not asked for. */
const scale = (value: number) => Math.max(Math.abs(value), 1);

describe.each(Object.entries(data))("%s", (_, seen) => {
  const expected = plainMetrics(seen);

  test.each([1, 7, 256, 300])("batches of %d give every metric's definition in float64", async (batchSize) => {
    const { metrics } = await measure(seen, { batchSize });
    expect(Object.keys(metrics).sort()).toEqual(Object.keys(expected).sort());
    for (const [key, value] of Object.entries(expected))
      expect(Math.abs(metrics[key]! - value) / scale(value), `${key} ${metrics[key]} ${value}`).toBeLessThan(1e-6);
  });

  test("how rows are divided changes no bit of what is summed over rows", async () => {
    const whole = await measure(seen);
    for (const batchSize of [1, 7]) {
      const { metrics } = await measure(seen, { batchSize });
      expect(metrics).toEqual(whole.metrics);
    }
  });

  test("at least k latents are active, and exactly k a row", async () => {
    const { metrics } = await measure(seen);
    expect(metrics.num_active_features).toBeGreaterThanOrEqual(k);
    expect(metrics.feature_death_rate).toBeLessThanOrEqual(1 - k / latentDim);
    expect(metrics.l0_mean).toBe(k);
    expect(metrics.l0_std).toBe(0);
  });
});
