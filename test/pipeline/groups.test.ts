import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { gridConfigs } from "../../src/config/grid.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { openGroups } from "../../src/pipeline/sweep/groups.node.ts";
import { planSweep } from "../../src/pipeline/sweep/sweep.node.ts";
import { tensor } from "../../src/util/tensor.ts";

const path = join(mkdtempSync(join(tmpdir(), "sae-onnx-")), "acts.safetensors");
const column = (of: (row: number) => number) =>
  tensor(
    "int32",
    [20],
    Int32Array.from({ length: 20 }, (_, i) => of(i)),
  );
writeFileSync(
  path,
  writeSafetensors({
    activations: tensor("float32", [20, 2], new Float32Array(40).fill(1)),
    layer: column(() => 3),
    text_id: column((row) => Math.floor(row / 10)),
    split: column((row) => (row < 10 ? row % 2 : 0)),
  }),
);

test("a group that cannot be trained on is called as its rows are, not as its folder", async () => {
  const data = await openGroups({ data: [path], by: ["layer", "text_id"], split: 0.5 }, 1e9);
  expect(data.groups[0]!.name).toBe("layer3_text~5f~id0");
  const configs = gridConfigs({ architecture: "topk", inputDim: 2, lists: { latentDim: [4], k: [2] }, shared: {} });
  const run = { ...{ data, configs, provider: "cpu" as const }, asked: {}, out: "nowhere", name: "sae" };
  await expect(planSweep(run)).rejects.toThrow(/^group layer=3,text_id=0: 5 training rows are fewer than one batch/);
  await expect(openGroups({ data: [path], by: ["text_id"] }, 1e9)).rejects.toThrow(
    "acts.safetensors: group text_id=1 has 10 rows, 10 of them train; both sides need rows",
  );
});
