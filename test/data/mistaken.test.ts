import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { readActivations, readBytes, readLabels } from "../../src/data/files.node.ts";
import { readSafetensors, writeSafetensors } from "../../src/data/safetensors.ts";
import { openShards, shardPaths } from "../../src/data/shards/shardSet.node.ts";
import { readModel, writeModel } from "../../src/export/files.node.ts";
import { importSae } from "../../src/formats/index.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { buildModel } from "../../src/graph/build.ts";
import * as op from "../../src/graph/ops.ts";
import { splitExternalData } from "../../src/onnx/external.ts";
import { decodeModel, encodeModel } from "../../src/onnx/model.ts";
import { readMetrics } from "../../src/pipeline/files.node.ts";
import { tensor } from "../../src/util/tensor.ts";
import { temporaryFolder } from "../cli/run.ts";
import { complaint, refusal } from "./helpers.ts";

const standIns = {
  "a Git LFS pointer": `version https://git-lfs.github.com/spec/v1\noid sha256:${"4d7a".repeat(16)}\nsize 12345678\n`,
  "a web page": '<!doctype html>\n<html lang="en">\n  <head>\n    <title>Not found</title>\n  </head>\n</html>\n',
};

/** Every way a file comes in: what it is called, and how it is read. */
const readers: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "x.safetensors": readActivations,
  "x.npy": readActivations,
  "x.npz": readActivations,
  "x.pt": readActivations,
  "shards/x.safetensors": async (path) => openShards(await shardPaths(join(path, "..")), { source: path }),
  "shards/x.npy": async (path) => openShards(await shardPaths(join(path, "..")), { source: path }),
  "x.onnx": readModel,
  "x.labels.jsonl": (path) => readLabels(path.replace(".labels.jsonl", ".npy"), 3),
  "x.metrics.json": readMetrics,
  "sae.safetensors": async (path) => readCheckpoint(await readBytes(path), path),
  "sae/cfg.json": async (path) => importSae(await readSource(join(path, ".."))),
  "sae/sae_weights.safetensors": async (path) => importSae(await readSource(join(path, ".."))),
  "old/checkpoint.pt": async (path) => importSae(await readSource(path)),
  "params.npz": async (path) => importSae(await readSource(path)),
};

describe.each(Object.entries(standIns))("%s is called so", (what, text) => {
  test.each(Object.entries(readers))("in the place of %s", async (name, read) => {
    const folder = temporaryFolder();
    cpSync("test/fixtures/pretrained/saelens-topk", join(folder, "sae"), { recursive: true });
    for (const one of ["shards", "old"]) mkdirSync(join(folder, one));
    const path = join(folder, name);
    writeFileSync(path, text);
    const message = await refusal(() => read(path));
    expect(message).toContain(`: is ${what}, not the file itself; `);
    expect(message).toContain(name.split("/").at(-1));
  });

  test("in the place of a model's weights", async () => {
    const path = join(temporaryFolder(), "m.onnx");
    const x = op.input("float32", [2000]);
    const W = op.constant(tensor("float32", [2000], new Float32Array(2000).fill(2)));
    const model = buildModel({ inputs: { x }, outputs: { y: op.mul(x, W) } });
    await writeModel(path, model);
    expect((await readModel(path)).graph?.node).toHaveLength(1);
    writeFileSync(path, encodeModel(splitExternalData(model, "w.data").model));
    writeFileSync(join(path, "..", "w.data"), text);
    expect(await refusal(() => readModel(path))).toContain(`w.data: is ${what}, not the file itself; `);
  });
});

describe("one kind of file in the place of the other: the one that is meant is named", () => {
  const x = op.input("float32", [2]);
  const model = encodeModel(buildModel({ inputs: { x }, outputs: { y: op.relu(x) } }));
  const tensors = writeSafetensors({ x: tensor("float32", [2], new Float32Array(2)) }, { format: "sae-onnx" });

  test.each(["m/a.safetensors", "m/a.state.safetensors", "m/a.autoencoder.parity.safetensors"])("%s", (file) => {
    expect(complaint(() => decodeModel(tensors, file))).toBe(
      `${file}: is a .safetensors file, not an ONNX model; the model frozen from it may be m/a.autoencoder.onnx`,
    );
  });

  test.each(["m/a.encoder.onnx", "m/a.decoder.compat.int8.onnx", "m/a.onnx"])("%s", (file) => {
    expect(complaint(() => readSafetensors(model, file))).toBe(
      `${file}: is an ONNX model, not a .safetensors file; the checkpoint it was frozen from may be m/a.safetensors`,
    );
  });
});
