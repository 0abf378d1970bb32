import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { npy, saeOnnx, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const rows = sparseRows(200, 16);
const heavy = { ...rows, data: rows.data.slice() };
heavy.data[7 * 16 + 3] = -5e4;
writeFileSync(at("heavy.npy"), npy(heavy));
heavy.data[9 * 16] = Number.NaN;
writeFileSync(at("nan.npy"), npy(heavy));

test("inspect shows the norms of activations and what stands out", () => {
  const { status, stdout } = saeOnnx("inspect", at("heavy.npy"));
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^# rows: 200, norms: median \d\S*, 99\.9 % up to 50000, largest 50000 \(row 7\)\n# the longest 0\.1 % of the rows hold 100\.0 % of all squares\n# dimension 3: 100\.0 % of all squares, up to 50000\n# 1 row with values above 1,000 times the median magnitude \(\S+\), in 1 dimension; train --max-row-norm 10x would leave rows above \S+ out\n# dimension 3: up to 50000, 1 row\n$/m,
  );
  const { rows: found } = JSON.parse(saeOnnx("inspect", at("heavy.npy"), "--json").stdout);
  expect(found).toMatchObject({ count: 200, massive_rows: 1, massive_dimensions: [{ dimension: 3, rows: 1 }] });
});

test("a value that is no number is named by its row; what is no activation set has no norms", () => {
  expect(saeOnnx("inspect", at("nan.npy")).stdout).toMatch(/^# rows: .*nan\.npy: NaN at row 9, column 0; /m);
  const sae = ["--latent-dim", "24", "--k", "2", "--epochs", "1", "--batch-size", "32", "--quiet", "--name", "a"];
  expect(saeOnnx("train", "--data", at("heavy.npy"), ...sae, "--out", at("models")).status).toBe(0);
  expect(saeOnnx("inspect", at("models/a_d24_k2.safetensors")).stdout).not.toContain("norms");
});
