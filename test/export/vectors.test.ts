import { beforeAll, describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { readVectors, type VerificationVectors, writeVectors } from "../../src/data/vectors.ts";
import { vectorsClaim } from "../../src/evaluate/verify/claim.ts";
import { compare } from "../../src/evaluate/verify/compare.ts";
import { replay } from "../../src/evaluate/verify/replay.ts";
import { freeze, type Part, parts } from "../../src/export/freeze.ts";
import { type TargetName, targets } from "../../src/export/targets/index.ts";
import { freezeWithVectors } from "../../src/export/vectors/vectors.ts";
import { type WeightTypeName, weightTypes } from "../../src/export/weights/index.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { Tensors } from "../../src/runtime/session.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { sample } from "../checkpoint/sample.ts";
import { cases, expressible } from "../sae/cases.ts";
import { vectorsFor } from "./vectors.ts";

describe.each(cases)("$name", (one) => {
  const combinations = (Object.keys(targets) as TargetName[])
    .filter((target) => expressible(one, target))
    .flatMap((target) => (Object.keys(weightTypes) as WeightTypeName[]).map((dtype) => ({ target, dtype })));

  test.each(combinations)("every part for $target in $dtype gives its vectors", async (options) => {
    const checkpoint = await sample(one);
    for (const part of Object.keys(parts) as Part[]) {
      const vectors = vectorsFor(checkpoint, part, options);
      const came = await replay(cpu, freeze(checkpoint, part, options), vectors);
      expect(came, part).toMatchObject({ state: "compared", differences: { ok: true, selection: 0, rows: 25 } });
    }
  });
});

test.each(cases)("frozen models of $name name their vectors, and their metadata agree", async (one) => {
  for (const [part, { model }] of await freezeWithVectors(await sample(one), ["encoder", "autoencoder"]))
    expect(vectorsClaim(model, part)).toMatch(/^[0-9a-f]{64}$/);
});

describe("what a comparison sees", () => {
  let checkpoint: Checkpoint;
  let vectors: VerificationVectors;
  let found: Record<string, HostTensor>;
  const floats = (name: string) => found[name]!.data as Float32Array;
  beforeAll(async () => {
    checkpoint = await sample(cases[0]!);
    vectors = vectorsFor(checkpoint, "autoencoder");
    const session = await cpu.open(packModel(freeze(checkpoint, "autoencoder")), { threads: 1 });
    found = await session.run(vectors.inputs);
    await session.release();
  });
  /** The outputs with one entry of one of them changed. */
  const changed = (name: string, at: number, by: (value: number) => number): Tensors => {
    const data = floats(name).slice();
    data[at] = by(data[at]!);
    return { ...found, [name]: tensor("float32", found[name]!.dims, data) };
  };
  const kept = () => floats("latents").findIndex((z) => z !== 0);

  test("nothing, in what the model gives", () => {
    expect(compare(vectors, found)).toMatchObject({ ok: true, selection: 0, clearRows: 21 });
  });

  test("a latent too many, one too few, one of the wrong sign", () => {
    const zero = floats("latents").indexOf(0);
    expect(
      compare(
        vectors,
        changed("latents", zero, () => 1),
      ),
    ).toMatchObject({ ok: false, selection: 1 });
    // top_values still has the one that is gone.
    expect(
      compare(
        vectors,
        changed("latents", kept(), () => 0),
      ),
    ).toMatchObject({ ok: false, selection: 2 });
    expect(
      compare(
        vectors,
        changed("latents", kept(), (z) => -z),
      ).ok,
    ).toBe(false);
  });

  test.each(["latents", "reconstruction", "top_values"])(
    "%s off by 2e-5 of the row's largest, and no number",
    (name) => {
      const scale = vectors.outputs[name]!.scale.data[0]!;
      const at = floats(name).findIndex((value) => value !== 0);
      expect(
        compare(
          vectors,
          changed(name, at, (v) => v + 2e-5 * scale),
        ).values[name],
      ).toBeGreaterThan(1e-5);
      for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY])
        expect(
          compare(
            vectors,
            changed(name, at, () => wrong),
          ),
        ).toMatchObject({ ok: false, values: { [name]: Infinity } });
    },
  );

  test("a latent stronger than the k-th is missed even where the k-th is tied", () => {
    const tied = 17;
    const width = found.latents!.dims[1]!;
    const latents = floats("latents").subarray(tied * width, (tied + 1) * width);
    expect(vectors.selection!.gap.data[tied]!).toBeLessThan(1e-5);
    const strongest = latents.reduce((best, z, i) => (Math.abs(z) > Math.abs(latents[best]!) ? i : best), 0);
    // The latents alone, as targets without top_values give them.
    const alone = { ...vectors, outputs: { latents: vectors.outputs.latents! } };
    const { latents: without } = changed("latents", tied * width + strongest, () => 0);
    expect(compare(alone, { latents: found.latents! }).ok).toBe(true);
    expect(compare(alone, { latents: without! })).toMatchObject({ ok: false, selection: 1 });
  });

  test("vectors come back from their bytes, and the same checkpoint gives the same bytes", () => {
    expect(readVectors(writeVectors(vectors), "a")).toEqual(vectors);
    expect(writeVectors(vectorsFor(checkpoint, "autoencoder"))).toEqual(writeVectors(vectors));
  });
});
