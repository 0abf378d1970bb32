import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseActivations } from "../../src/data/activations.ts";
import { readBytes } from "../../src/data/files.node.ts";
import { float32ToHalf } from "../../src/data/half.ts";
import { readNpy, writeNpy } from "../../src/data/npy.ts";
import { readNpz } from "../../src/data/npz.ts";
import { int64s, tensor } from "../../src/util/tensor.ts";
import { lacking, python } from "../python/python.mjs";
import { matrix } from "./helpers.ts";

const missing = lacking("numpy");

const write = `
import sys, numpy as np
from numpy.lib import format
folder = sys.argv[1]
base = np.arange(24).reshape(2, 3, 4) - 5
for name in "<f2 >f2 <f4 >f4 <f8 >f8 <i4 >i4 <i8 >i8 |i1 <i2 <u4".split():
    for order in "CF":
        np.save(f"{folder}/{name[0].replace('<', 'l').replace('>', 'b').replace('|', 'n')}{name[1:]}{order}.npy", np.array(base + (5 if "u" in name else 0), name, order=order))
np.save(f"{folder}/bool.npy", base > 0)
for version in (1, 2, 3):
    with open(f"{folder}/version{version}.npy", "wb") as file:
        format.write_array(file, base.astype("u1"), (version, 0))
acts = np.arange(12, dtype="f2").reshape(4, 3)
both = dict(acts=acts, split=np.array([0, 0, 1, 1], "u1"), texts=np.array(["a", "b", "c", "d"]), mean=acts.mean(0))
np.savez(f"{folder}/stored.npz", **both)
np.savez_compressed(f"{folder}/deflated.npz", **both)
with np.errstate(over="ignore"):
    values = np.random.default_rng(0).integers(0, 2**32, 100000, dtype="u4").view("f4")
    values = values[np.isfinite(values)]
    values.tofile(f"{folder}/values.f4")
    values.astype("f2").tofile(f"{folder}/values.f2")
`;

describe.skipIf(missing)(`NumPy${missing && ` (skipped: ${missing})`}`, () => {
  let folder: string;
  const load = (name: string) => readBytes(join(folder, name));
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sae-onnx-numpy-"));
    execFileSync(python, ["-c", write, folder]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const types = ["lf4", "bf4", "lf8", "bf8", "li4", "bi4", "li8", "bi8", "ni1", "li2", "lu4", "lf2", "bf2"];
  test.each(types.flatMap((type) => [`${type}C`, `${type}F`]))("%s.npy reads as it was saved", async (name) => {
    const { dims, data } = readNpy(await load(`${name}.npy`), name);
    const first = name.includes("u") ? 0 : -5;
    const expected = Float32Array.from({ length: 24 }, (_, i) => first + i);
    expect(dims).toEqual([2, 3, 4]);
    expect(name.includes("f2") ? [...data] : [...data].map(Number)).toEqual([
      ...(name.includes("f2") ? float32ToHalf(expected) : expected),
    ]);
  });

  test("booleans and the three versions of the header", async () => {
    expect([...readNpy(await load("bool.npy"), "bool").data]).toEqual(Array.from({ length: 24 }, (_, i) => +(i > 5)));
    for (const version of [1, 2, 3])
      expect([...readNpy(await load(`version${version}.npy`), "v").data].slice(4, 7)).toEqual([255, 0, 1]);
  });

  test.each(["stored.npz", "deflated.npz"])(
    "%s gives its only matrix and its columns; strings are passed over",
    async (name) => {
      const set = parseActivations(await load(name), name);
      expect(set.activations).toEqual(matrix([0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]));
      expect(set.columns).toEqual({ split: Float64Array.of(0, 0, 1, 1) });
      expect([...readNpz(await load(name), name).keys()]).toEqual(["acts", "split", "texts", "mean"]);
    },
  );

  test("rounds 100,000 random float32 to the same float16 as NumPy", async () => {
    const values = new Float32Array((await load("values.f4")).buffer);
    const expected = new Uint16Array((await load("values.f2")).buffer);
    expect(Buffer.compare(Buffer.from(float32ToHalf(values).buffer), Buffer.from(expected.buffer))).toBe(0);
  });

  test("what is written here, NumPy loads", () => {
    const all = {
      half: tensor("float16", [2], float32ToHalf(Float32Array.of(0.5, -2))),
      matrix: matrix([1.5, 2], [3, 4]),
      ids: int64s([-1, 2 ** 40]),
      flag: tensor("bool", [], Uint8Array.of(1)),
    };
    for (const [name, each] of Object.entries(all)) writeFileSync(join(folder, `${name}.npy`), writeNpy(each));
    const script = `
import sys, json, numpy as np
print(json.dumps([[str(a.dtype), list(a.shape), a.tolist()] for a in (np.load(f"{sys.argv[1]}/{n}.npy") for n in sys.argv[2:])]))`;
    const seen = execFileSync(python, ["-c", script, folder, ...Object.keys(all)], { encoding: "utf8" });
    expect(JSON.parse(seen)).toEqual([
      ["float16", [2], [0.5, -2]],
      [
        "float32",
        [2, 2],
        [
          [1.5, 2],
          [3, 4],
        ],
      ],
      ["int64", [2], [-1, 2 ** 40]],
      ["bool", [], true],
    ]);
  });

  test("bfloat16 as ml_dtypes saves it (V2) reads as float32", async () => {
    execFileSync(python, [
      "-c",
      `import sys, numpy as np; np.save(sys.argv[1], (np.array([1.0, -2.5], "f4").view("u4") >> 16).astype("u2").view("V2"))`,
      join(folder, "bf16.npy"),
    ]);
    expect([...readNpy(await load("bf16.npy"), "bf16").data]).toEqual([1, -2.5]);
  });
});
