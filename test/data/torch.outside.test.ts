import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readActivations } from "../../src/data/files.node.ts";
import { readNpy } from "../../src/data/npy.ts";
import { temporaryFolder } from "../cli/run.ts";
import { lacking, python } from "../python/python.mjs";
import { refusal } from "./helpers.ts";

const missing = lacking("torch", "numpy");
const folder = temporaryFolder();
const at = (name: string) => join(folder, `${name}.pt`);

/** Why each that is not read is refused. */
const refused: Readonly<Record<string, string>> = {
  legacy: "is in PyTorch's old format, before 1.6; load it and save it again: torch.save(torch.load(old), new)",
  several: 'several tensors could be the activations; choose one with --tensor: "a" F32 [40, 6]; "b" F32 [40, 6]',
  none: 'has no tensor, only "layer"; save the matrix itself, or a dictionary with it: torch.save({"activations": x}, "x.pt")',
  empty: "has no tensor, nothing at all; save the matrix itself",
  list: "is a list of 2 values; save the matrix itself, or a dictionary with it",
  flat: '"activations" has shape [40], need [rows, inputDim]; reshape it to two dimensions',
  integers: 'no 2-D tensor of floating-point numbers; it has "acts" I64 [40, 6]',
  transposed: "need [rows, inputDim] row by row; save it with .contiguous()",
};

describe.skipIf(missing)(`activations that torch.save wrote${missing && ` (skipped: ${missing})`}`, () => {
  beforeAll(() => {
    execFileSync(python, ["-I", "test/import/activations.py", folder]);
  });

  test.each(["plain", "acts", "activations", "view", "metadata"])("%s is read", async (name) => {
    const { activations, columns } = await readActivations(at(name));
    expect(activations).toEqual(readNpy(readFileSync(join(folder, "x.npy")), "x"));
    if (name === "metadata") expect([...columns.position!]).toEqual(Array.from({ length: 40 }, (_, row) => row));
  });

  test("the only matrix beside other tensors is read, and one of several by its name", async () => {
    expect((await readActivations(at("beside"))).activations.dims).toEqual([40, 6]);
    const [a, b] = [await readActivations(at("several"), { tensor: "b" }), await readActivations(at("plain"))];
    expect(a.activations).toEqual(b.activations);
    expect(await refusal(() => readActivations(at("plain"), { tensor: "b" }))).toContain(
      'is one tensor without a name, not "b" among several; name none',
    );
    expect(await refusal(() => readActivations(at("acts"), { tensor: "b" }))).toContain(
      'no tensor "b"; it has "acts" F32 [40, 6]',
    );
  });

  test.each(Object.entries(refused))("%s is refused", async (name, message) => {
    expect(await refusal(() => readActivations(at(name)))).toContain(message);
  });
});
