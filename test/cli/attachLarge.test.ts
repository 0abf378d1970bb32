import { closeSync, existsSync, openSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freeze } from "../../src/export/freeze.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import type { Model } from "../../src/onnx/proto.ts";
import { dataTypes, valueInfo } from "../../src/onnx/tensors.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { tensor } from "../../src/util/tensor.ts";
import { sample } from "../checkpoint/sample.ts";
import { host, node } from "../export/attach/hosts.ts";
import { run } from "../export/attach/running.ts";
import { cases } from "../sae/cases.ts";
import { saeOnnxMeasured, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const width = 16;
const encoder = freeze(await sample(cases[0]!), "encoder");

const attach = (model: string, out: string): [string, ...string[]] => [
  "attach",
  ...["--model", at(model), "--tensor", "v", "--encoder", at("sae.encoder.onnx"), "--out", at(out)],
];
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => writeFileSync(at("sae.encoder.onnx"), encodeModel(encoder)));

/** A hole of `size` bytes behind `head`; a few rows in it are written. */
function sparseFile(name: string, head: Uint8Array, size: number, rows: Readonly<Record<number, Float32Array>> = {}) {
  writeFileSync(at(name), head);
  truncateSync(at(name), size);
  const file = openSync(at(name), "r+");
  for (const [place, row] of Object.entries(rows))
    writeSync(file, new Uint8Array(row.buffer), 0, 4 * width, Number(place));
  closeSync(file);
}

describe("weights of 2.56 GB in a file of their own", () => {
  const rows = 40_000_000;
  const ids = [3, 20_000_000, rows - 1];
  const table = ids.map((id) => Float32Array.from({ length: width }, (_, i) => Math.sin(id + i)));
  /** `ids [batch, seq]` to rows of a table [40 million, 16]. */
  const model: Model = host({
    nodes: [node("v = Gather(table, ids)"), node("y = Tanh(v)")],
    weights: [
      {
        ...{ name: "table", dataType: dataTypes.float32, dims: [rows, width], dataLocation: 1 },
        externalData: [
          { key: "location", value: "table.bin" },
          { key: "offset", value: "0" },
          { key: "length", value: String(rows * width * 4) },
        ],
      },
    ],
    inputs: [valueInfo("ids", "int64", ["batch", "seq"])],
    values: [valueInfo("v", "float32", ["batch", "seq", width])],
  });

  test("are not read, and stay where they are", async () => {
    const places = Object.fromEntries(ids.map((id, i) => [id * width * 4, table[i]!]));
    sparseFile("table.bin", new Uint8Array(), rows * width * 4, places);
    writeFileSync(at("large.onnx"), encodeModel(model));
    const before = statSync(at("table.bin"));
    const { status, stderr, peakBytes, bytesRead } = saeOnnxMeasured(...attach("large.onnx", "large+sae.onnx"));
    expect(status, stderr).toBe(0);
    expect(statSync(at("table.bin"))).toMatchObject({ mtimeMs: before.mtimeMs, ino: before.ino });
    expect(statSync(at("large+sae.onnx")).size).toBeLessThan(20_000);
    // Node itself and the modules.
    expect(bytesRead).toBeLessThan(60e6);
    expect(peakBytes).toBeLessThan(250e6);

    const session = await ort.InferenceSession.create(at("large+sae.onnx"));
    const results = await session.run({ ids: new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, 3]) });
    await session.release();
    const activations = tensor("float32", [3, width], Float32Array.from(table.flatMap((row) => [...row])));
    const { latents } = await run(cpu, encoder, { activations });
    expect(results.sae_latents!.dims).toEqual([1, 3, 32]);
    expect(results.sae_latents!.data).toEqual(latents!.data);
  });
});

test("a model of more than 2 GB is refused before it is read", () => {
  sparseFile("huge.onnx", encodeModel(host({ nodes: [node("v = Add(x, x)"), node("y = Tanh(v)")] })), 2 ** 31);
  const { status, stderr, bytesRead } = saeOnnxMeasured(...attach("huge.onnx", "huge+sae.onnx"));
  expect([status, stderr]).toEqual([
    1,
    `error: ${at("huge.onnx")}: 2147483648 bytes, more than 2 GB fit no ONNX message; save its weights as external data\n`,
  ]);
  expect(bytesRead).toBeLessThan(60e6);
  expect(existsSync(at("huge+sae.onnx"))).toBe(false);
});
