import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { inferShapes } from "../../src/onnx/inference/infer.ts";
import { decodeModel } from "../../src/onnx/model.ts";

/** Any Python with the package onnx; Debian's python3-onnx is one. */
const python = process.env.ONNX_PYTHON ?? "/usr/bin/python3";
const missing = spawnSync(python, ["-c", "import onnx.backend.test.case.node"]).status !== 0;
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-shapes-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Dims = readonly (number | string | null)[];

test.skipIf(missing)(
  "no shape contradicts those of the reference package, on every op of ONNX (python3-onnx)",
  () => {
    execFileSync(python, ["test/python/node_shapes.py", folder], { stdio: ["ignore", "ignore", "ignore"] });
    const found = JSON.parse(readFileSync(join(folder, "shapes.json"), "utf8")) as Record<string, Record<string, Dims>>;
    const wrong: string[] = [];
    let [all, known] = [0, 0];
    for (const [number, values] of Object.entries(found)) {
      const model = decodeModel(readFileSync(join(folder, `${number}.onnx`)), number);
      const own = inferShapes(model);
      for (const [name, dims] of Object.entries(values)) {
        const shape = own.get(name);
        if (!shape) continue;
        all++;
        const before = dims.length - shape.dims.length;
        const sizes = shape.dims.map((dim, i) => [dim, dims[before + i]] as const);
        const fits = shape.open ? before >= 0 : before === 0;
        if (!fits || sizes.some(([a, b]) => typeof a === "number" && typeof b === "number" && a !== b))
          wrong.push(`${model.graph!.node!.map(({ opType }) => opType).join()} ${name}: [${shape.dims}] is [${dims}]`);
        else if (!shape.open && sizes.every(([a, b]) => typeof b !== "number" || typeof a === "number")) known++;
      }
    }
    expect(wrong).toEqual([]);
    expect(all).toBeGreaterThan(1500);
    // The others come from ops that are not followed, or from values that only running them gives.
    expect(known / all).toBeGreaterThan(0.75);
  },
  300_000,
);
