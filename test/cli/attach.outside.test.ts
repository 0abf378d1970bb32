import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freeze } from "../../src/export/freeze.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { sample } from "../checkpoint/sample.ts";
import { inOpset, stream, transformer } from "../export/attach/transformer.ts";
import { lacking, python } from "../python/python.mjs";
import { cases } from "../sae/cases.ts";
import { saeOnnx, temporaryFolder } from "./run.ts";

const models = {
  plain: transformer(),
  bodies: transformer({ bodies: true }),
  old: inOpset(transformer(), 13),
};

const missing = lacking("onnx");
test.skipIf(missing)(
  `attached models pass the reference checker and strict shape inference${missing && ` (skipped: ${missing})`}`,
  async () => {
    const folder = temporaryFolder();
    const save = (name: string, model: Parameters<typeof encodeModel>[0]) => {
      const path = join(folder, name);
      writeFileSync(path, encodeModel(model));
      return path;
    };
    const sae = save("sae.autoencoder.onnx", freeze(await sample(cases[0]!), "autoencoder"));
    const files = Object.entries(models).flatMap(([name, host]) => {
      const model = save(`${name}.onnx`, host);
      return [[], ["--reconstruct", "--steer"]].map((flags) => {
        const path = join(folder, "checked", `${name}${flags.length}.onnx`);
        const places = ["--model", model, "--tensor", stream, "--encoder", sae, "--out", path];
        expect(saeOnnx("attach", ...places, ...flags).status).toBe(0);
        return path;
      });
    });
    const said = execFileSync(python, ["test/python/check_onnx.py", ...files], { encoding: "utf8" });
    expect(said.trim().split("\n")).toEqual(files.map((path) => `ok ${path}`));
  },
);
