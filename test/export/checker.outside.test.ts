import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freeze, type Part, parts } from "../../src/export/freeze.ts";
import { type TargetName, targets } from "../../src/export/targets/index.ts";
import { type WeightTypeName, weightTypes } from "../../src/export/weights/index.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { trainingGraph } from "../../src/train/trainer.ts";
import { sample } from "../checkpoint/sample.ts";
import { lacking, python } from "../python/python.mjs";
import { cases, expressible } from "../sae/cases.ts";

const missing = lacking("onnx");

test("every frozen part and every training graph passes the onnx checker and strict shape inference", async (context) => {
  if (missing) context.skip(missing);
  const models: Record<string, Model> = {};
  for (const one of cases) {
    const checkpoint = await sample(one);
    for (const target of Object.keys(targets) as TargetName[])
      for (const part of Object.keys(parts) as Part[])
        if (expressible(one, target))
          for (const dtype of Object.keys(weightTypes) as WeightTypeName[])
            models[`${one.name}.${target}.${dtype}.${part}`] = freeze(checkpoint, part, { target, dtype });
    models[`${one.name}.training`] = trainingGraph(one.config());
  }
  const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));
  try {
    const files = Object.entries(models).map(([name, model]) => {
      const file = join(folder, `${name.replaceAll(" ", "_")}.onnx`);
      writeFileSync(file, encodeModel(model));
      return file;
    });
    const said = execFileSync(python, ["test/python/check_onnx.py", ...files], { encoding: "utf8" });
    expect(said.trim().split("\n")).toEqual(files.map((file) => `ok ${file}`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
