import { beforeAll, describe, expect, test } from "vitest";
import { float32ToHalf } from "../../../src/data/half.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import type { Tensors } from "../../../src/runtime/session.ts";
import { wasm } from "../../../src/runtime/web.ts";
import { type HostTensor, tensor, zeros } from "../../../src/util/tensor.ts";
import { absent, type Host, hosts } from "./hosts.ts";
import {
  allSame,
  asRows,
  attached,
  autoencoder,
  checkpoint,
  encoder,
  exposing,
  farthest,
  fedAt,
  latentDim,
  type Results,
  run,
  runBytes,
  same,
} from "./running.ts";
import { inHalf, width } from "./transformer.ts";

const halfOf = ({ model, given, tensor: at }: Host): Host => {
  const feeds: Tensors = Object.fromEntries(
    Object.entries(given).map(([name, one]) => [
      name,
      one.dtype === "float32" ? tensor("float16", one.dims, float32ToHalf(one.data as Float32Array)) : one,
    ]),
  );
  return { model: inHalf(model), given: feeds, tensor: at };
};

/** Those whose ops have float16 forms; scales of quantised values have none. */
const inFloat16 = /LayerNorm|Loop|Scan|If|function|output/;
const all = Object.entries(hosts).flatMap(([name, one]) => [
  { name, isHalf: false, ...one },
  ...(inFloat16.test(name) ? [{ name: `${name}, float16`, isHalf: true, ...halfOf(one) }] : []),
]);

describe.each([cpu, wasm])("on $provider", (runtime) => {
  describe.each(all)("$name", ({ model, tensor: at, given, isHalf }) => {
    let plain: Results;
    let exposed: HostTensor;
    beforeAll(async () => {
      plain = await run(runtime, model, given);
      exposed = (await run(runtime, exposing(model, at), given)).exposed!;
    });
    /** The model with other numbers in the activation's place, put there from outside. */
    const replaced = (numbers: Float32Array<ArrayBuffer>) =>
      run(runtime, fedAt(model, at), { ...given, fed: tensor("float32", [2, 5, width], numbers) });
    /** By far more than roundings. */
    const differs = (actual: Results) => expect(farthest(actual.y!, plain.y!)).toBeGreaterThan(2 ** -7);

    test("outputs stay, latents are the encoder's", async () => {
      const { bytes, outputs } = attached(model, { tensor: at });
      const actual = await runBytes(runtime, bytes, given);
      allSame(actual, plain, isHalf);
      const expected = await run(runtime, encoder, { activations: asRows(exposed) });
      for (const [own, one] of Object.entries(expected)) {
        const full = outputs.find((output) => output.endsWith(`_${own}`))!;
        expect(actual[full]!.dims).toEqual([2, 5, one.dims[1]]);
        same(actual[full], one, isHalf && own !== "top_indices", full);
      }
    });

    test("--reconstruct: all that reads it reads the reconstruction", async () => {
      const { bytes } = attached(model, { tensor: at, reconstruct: true }, autoencoder);
      const actual = await runBytes(runtime, bytes, given);
      const { reconstruction } = await run(runtime, autoencoder, { activations: asRows(exposed) });
      allSame(actual, await replaced(reconstruction!.data as Float32Array<ArrayBuffer>), isHalf);
      differs(actual);
    });

    test("--steer adds decoder rows; zeros change nothing", async () => {
      const { bytes, inputs } = attached(model, { tensor: at, steer: true }, autoencoder);
      const steered = (steer: HostTensor) => runBytes(runtime, bytes, { ...given, [inputs[0]!]: steer });
      allSame(await steered(zeros("float32", [latentDim])), plain, isHalf);
      const steer = zeros("float32", [latentDim]);
      steer.data[3] = 2;
      const W = checkpoint.tensors.W_dec!.data;
      const moved = (exposed.data as Float32Array<ArrayBuffer>).map((x, i) => x + 2 * W[3 * width + (i % width)]!);
      const actual = await steered(steer);
      const expected = await replaced(moved);
      // What is fed is rounded to float32, the model's own float64 is not.
      if (actual.y!.dtype === "float64") expect(farthest(actual.y!, expected.y!)).toBeLessThan(1e-6);
      else allSame(actual, expected, isHalf);
      differs(actual);
    });
  });
});

describe.each(Object.entries(absent))("an optional output of %s that nobody asks for yet", (_, pair) => {
  test.each([false, true])("is asked for (float16: %s)", async (isHalf) => {
    const made = (one: Host) => (isHalf ? halfOf(one) : one);
    const [without, asked] = [made(pair.without), made(pair.with)];
    const actual = await runBytes(cpu, attached(without.model, { tensor: without.tensor }).bytes, without.given);
    allSame(actual, await run(cpu, without.model, without.given), isHalf);
    const { exposed } = await run(cpu, exposing(asked.model, asked.tensor), asked.given);
    const { latents } = await run(cpu, encoder, { activations: asRows(exposed!) });
    same(actual.sae_latents, latents!, isHalf, "latents");
  });
});
