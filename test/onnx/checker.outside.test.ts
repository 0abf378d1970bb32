import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import { buildModel } from "../../src/graph/build.ts";
import type { Values } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import type { Float, Value } from "../../src/graph/value.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { cases, constant, refused, rowsOf } from "../autodiff/cases.ts";
import { type Case, prefixed, symbolic, written } from "../autodiff/vjp.ts";
import { bodies } from "../graph/bodies.ts";
import { lacking, python } from "../python/python.mjs";

const missing = lacking("onnx");
const folder = mkdtempSync(join(tmpdir(), "sae-onnx-checker-"));
const reports = new Map<string, string>();

const save = (name: string, inputs: Values, outputs: Values) =>
  writeFileSync(join(folder, `${name}.onnx`), encodeModel(buildModel({ inputs, outputs })));

/** The op and, where it has one, its gradient. */
function saveCase(name: string, one: Case, dims?: typeof symbolic) {
  const { inputs, y } = written(one, dims);
  const loss = op.reduceSum(op.mul(y, y));
  const grads =
    name.split("_")[0]! in constant ? {} : prefixed(gradients(loss, inputs as Record<string, Value<Float>>));
  save(name, inputs, { y, ...grads });
}

const names = [...rowsOf(cases), ...rowsOf(constant)].map(({ name }, i) => `${name}_${i}`);

describe.skipIf(missing)(
  `the reference checker and its strict shape inference${missing && ` (skipped: ${missing})`}`,
  () => {
    beforeAll(() => {
      for (const [i, { name, one }] of [...rowsOf(cases), ...rowsOf(constant)].entries()) {
        saveCase(`${name}_${i}`, one);
        try {
          written(one, symbolic);
        } catch {
          continue; // a case that names its sizes
        }
        saveCase(`${name}_${i}_symbolic`, one, symbolic);
      }
      const x = op.input("float64", []);
      for (const [name, f] of Object.entries(refused)) save(name, { x }, { y: f(x) });
      for (const [name, build] of Object.entries(bodies)) {
        const { inputs, outputs } = build();
        save(name, inputs, outputs);
      }
      const files = readdirSync(folder).map((file) => join(folder, file));
      const script = "test/python/check_onnx.py";
      const result = spawnSync(python, [script, ...files], { encoding: "utf8", maxBuffer: 2 ** 26 });
      for (const line of result.stdout.split("\n")) {
        const [, verdict, path, why = ""] = /^(ok|bad) ([^:]+)(?:: (.*))?$/.exec(line) ?? [];
        if (path) reports.set(path.slice(folder.length + 1, -".onnx".length), verdict === "ok" ? "ok" : why);
      }
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    test("every model was looked at", () => {
      expect([...reports.keys()].sort()).toEqual(
        readdirSync(folder)
          .map((file) => file.slice(0, -".onnx".length))
          .sort(),
      );
      expect(reports.size).toBeGreaterThan(names.length);
    });

    test("none is refused", () => {
      expect(Object.fromEntries([...reports].filter(([, verdict]) => verdict !== "ok"))).toEqual({});
    });

    test("a wrong declared shape would be", () => {
      const x = op.input("float32", [3, 4]);
      const model = buildModel({ inputs: { x }, outputs: { y: op.transpose(x) } });
      model.graph!.output![0]!.type!.tensorType!.shape!.dim![0]!.dimValue = 5;
      const file = join(folder, "wrong.onnx");
      writeFileSync(file, encodeModel(model));
      expect(() => execFileSync(python, ["test/python/check_onnx.py", file], { stdio: "pipe" })).toThrow();
      rmSync(file);
    });
  },
);
