import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { freeze } from "../../src/export/freeze.ts";
import { type TargetName, targets } from "../../src/export/targets/index.ts";
import { plainLatents } from "../../src/export/vectors/forward.ts";
import { packModel } from "../../src/onnx/model.ts";
import { providers } from "../../src/runtime/providers.node.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { sample } from "../checkpoint/sample.ts";
import { cases, expressible } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const width = 16;

/** Ordinary rows, a row of zeros, and rows of huge and tiny magnitude. */
function rows(): HostTensor<"float32"> {
  const data = dictionaryRows(300, width, 11).data;
  data.fill(0, 0, width);
  for (let i = width; i < 20 * width; i++) data[i]! *= 1e15;
  for (let i = 20 * width; i < 40 * width; i++) data[i]! *= 1e-15;
  return tensor("float32", [300, width], data);
}

const combinations = cases.flatMap((one) =>
  (Object.keys(targets) as TargetName[])
    .filter((target) => expressible(one, target))
    .map((target) => ({ one, target })),
);

const run = async (
  runtime: Runtime,
  checkpoint: Checkpoint,
  target: TargetName,
  activations: HostTensor<"float32">,
) => {
  const session = await runtime.open(packModel(freeze(checkpoint, "autoencoder", { target })), { threads: 1 });
  return session.run({ activations }).finally(() => session.release());
};

describe.each(combinations)("$one.name for $target", ({ one, target }) => {
  test.each(["cpu", "wasm"] as const)("selects and gives what float64 loops give, on %s", async (provider) => {
    const checkpoint = await sample(one);
    const activations = rows();
    const runtime = await providers[provider].load();
    const { latents } = await run(runtime, checkpoint, target, activations);
    const L = latents!.dims[1]!;
    let compared = 0;
    for (const [row, { latents: expected, gap, scale }] of plainLatents(
      checkpoint.config,
      checkpoint.tensors,
      activations,
    ).entries()) {
      if (!(gap > 1e-5)) continue;
      compared++;
      for (let i = 0; i < L; i++) {
        const found = latents!.data[row * L + i] as number;
        const isSelected = (found !== 0) === (Math.fround(expected[i]!) !== 0);
        // An expect for each of millions would take most of the time.
        if (!isSelected || !(Math.abs(found - expected[i]!) / scale < 1e-5))
          expect.fail(`row ${row} latent ${i}: ${found}, not ${expected[i]}`);
      }
    }
    expect(compared).toBeGreaterThan(250);
  });
});

test("at a tie of the k-th largest, ort keeps k and portable all of them", async () => {
  const checkpoint = await sample(cases[0]!);
  const W_enc = checkpoint.tensors.W_enc!.data.slice();
  const b_enc = checkpoint.tensors.b_enc!.data.slice();
  // Every latent the same: all 32 tie.
  for (let latent = 1; latent < 32; latent++) W_enc.copyWithin(latent * width, 0, width);
  b_enc.fill(b_enc[0]!);
  const tied: Checkpoint = {
    ...checkpoint,
    tensors: {
      ...checkpoint.tensors,
      W_enc: tensor("float32", [32, width], W_enc),
      b_enc: tensor("float32", [32], b_enc),
    },
  };
  const runtime = await providers.cpu.load();
  const kept = async (target: TargetName) =>
    ((await run(runtime, tied, target, dictionaryRows(1, width))).latents!.data as Float32Array).filter((z) => z !== 0);
  expect((await kept("ort")).length).toBe(4);
  expect((await kept("portable")).length).toBe(32);
});

test("compat refuses what it cannot express, with the reason", async () => {
  const byValue = cases.find(({ name }) => name.includes("select value"))!;
  const checkpoint = await sample(byValue);
  expect(() => freeze(checkpoint, "encoder", { target: "compat" })).toThrow(ConfigError);
  expect(() => freeze(checkpoint, "encoder", { target: "compat" })).toThrow(/select value.*use target portable/);
  const large = await sample(cases[0]!, 3, { options: { k: 21 } });
  expect(() => freeze(large, "encoder", { target: "compat" })).toThrow(/k = 21 .* 20 are the most/);
});
