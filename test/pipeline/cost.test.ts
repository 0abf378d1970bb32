import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { gridConfigs } from "../../src/config/grid.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { measureCost, type SweepCost } from "../../src/pipeline/sweep/cost.node.ts";
import { openGroups } from "../../src/pipeline/sweep/groups.node.ts";
import { planSweep, type SweepPlan, trainSweep } from "../../src/pipeline/sweep/sweep.node.ts";
import { random } from "../../src/util/random.ts";
import { tensor } from "../../src/util/tensor.ts";

const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));
const rng = random(1, "cost");
writeFileSync(
  join(folder, "acts.npy"),
  writeNpy(
    tensor(
      "float32",
      [200, 16],
      Float32Array.from({ length: 3200 }, () => rng.normal()),
    ),
  ),
);

async function plan(lists: Parameters<typeof gridConfigs>[0]["lists"]): Promise<SweepPlan> {
  const data = await openGroups({ data: [join(folder, "acts.npy")], by: [] }, 1e9);
  const configs = gridConfigs({ architecture: "topk", inputDim: 16, lists: { batchSize: [32], ...lists }, shared: {} });
  return planSweep({
    ...{ data, configs, provider: "cpu", jobs: 1 },
    asked: {},
    out: join(folder, "out"),
    name: "sae",
  });
}

const ratio = (a: number, b: number) => Math.max(a, b) / Math.min(a, b);
const training = ({ cells }: SweepCost) => cells.reduce((sum, one) => sum + one.training, 0);

// Other tests come and go beside this one, and take or leave it a core: one comparison may be off for that, not three in a row.
test("what a sweep is said to take is about what it takes, each time it is asked", { retry: 2 }, async () => {
  const small = await plan({ latentDim: [24], k: [2, 3], epochs: [800] });
  const [first, second] = [await measureCost(small), await measureCost(small)];
  const { trainingSeconds } = await trainSweep(small);
  expect(ratio(first.total, second.total)).toBeLessThan(2);
  for (const cost of [first, second]) {
    expect(ratio(training(cost), trainingSeconds)).toBeLessThan(3);
    // They differ by one latent kept.
    expect(ratio(cost.cells[0]!.training, cost.cells[1]!.training)).toBeLessThan(3);
  }
});

test("an SAE whose latents die late can be measured, and one that a step of its size would break", async () => {
  const lists = { latentDim: [24], k: [2], epochs: [1000], auxK: [4], deadSteps: [1000], learningRate: [1e30] };
  expect((await measureCost(await plan(lists))).total).toBeGreaterThan(0);
});
