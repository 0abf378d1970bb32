import { expect, test } from "vitest";
import { readPt } from "../../src/data/pt.ts";
import { writePt } from "../../src/data/ptWrite.ts";
import { toTensor } from "../../src/data/stored.ts";
import { stateDict } from "../../src/formats/ptFile.ts";
import { int64s, tensor } from "../../src/util/tensor.ts";
import { complaint } from "./helpers.ts";

const tensors = {
  "encoder.weight": tensor("float32", [2, 3], Float32Array.of(1, -2, 3.5, Number.MIN_VALUE, -0, 6)),
  k: tensor("int32", [], Int32Array.of(5)),
  group_sizes: int64s([2 ** 40, 3]),
  "ä.名": tensor("float64", [1, 1, 2], Float64Array.of(Math.PI, -1e300)),
};

test("what is written is read again, every type and shape", () => {
  const found = stateDict(readPt(writePt(tensors), "a"), "a");
  expect([...found.keys()]).toEqual(Object.keys(tensors));
  for (const [name, one] of Object.entries(tensors)) expect(toTensor(found.get(name)!)).toEqual(one);
});

test("the same tensors give the same bytes", () => {
  expect(writePt(tensors)).toEqual(writePt(tensors));
});

test("more than an archive without ZIP64 holds is refused", () => {
  const large = { dtype: "float32", dims: [2 ** 15, 2 ** 15], data: new Float32Array(0) } as const;
  expect(complaint(() => writePt({ a: large }))).toBe(
    "a .pt of 4.0 GiB: only those below 4 GiB can be written; use --format saelens",
  );
});
