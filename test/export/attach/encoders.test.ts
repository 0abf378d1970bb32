import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../../src/checkpoint/checkpoint.ts";
import { attach } from "../../../src/export/attach/attach.ts";
import { type FreezeOptions, freeze } from "../../../src/export/freeze.ts";
import { importSae } from "../../../src/formats/index.ts";
import { readSource } from "../../../src/formats/source.node.ts";
import type { Model } from "../../../src/onnx/proto.ts";
import { tensorProto, valueInfo } from "../../../src/onnx/tensors.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import type { Tensors } from "../../../src/runtime/session.ts";
import { random } from "../../../src/util/random.ts";
import { tensor, zeros } from "../../../src/util/tensor.ts";
import { host, node } from "./hosts.ts";
import {
  allSame,
  attached,
  autoencoder,
  checkpoint,
  encoder,
  farthest,
  type Results,
  run,
  runBytes,
} from "./running.ts";
import { feeds, stream, transformer } from "./transformer.ts";

const rng = random(13, "encoders");
const normal = (...dims: number[]) =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => rng.normal()),
  );

/** `x [batch, seq, dim]` through a product to `v`, and `y`, twice that. */
const small = (dim: number): { model: Model; given: Tensors } => ({
  model: host({
    nodes: [node("v = MatMul(x, W)"), node("y = Add(v, v)")],
    weights: [tensorProto("W", normal(dim, dim))],
    inputs: [valueInfo("x", "float32", ["batch", "seq", dim])],
    outputs: [valueInfo("y", "float32", ["batch", "seq", dim]), valueInfo("v", "float32", ["batch", "seq", dim])],
  }),
  given: { x: normal(2, 5, dim) },
});

const pretrained = async (folder: string) =>
  importSae(
    await readSource(join("test/fixtures/pretrained", folder, folder === "experiment" ? "pos3_layer14_d24_k4.pt" : "")),
  );

const encoders: Readonly<Record<string, { readonly made: Checkpoint; readonly options?: FreezeOptions }>> = {
  "float16 weights": { made: checkpoint, options: { dtype: "float16" } },
  "int8 weights": { made: checkpoint, options: { dtype: "int8" } },
  "target portable": { made: checkpoint, options: { target: "portable" } },
  "target compat": { made: checkpoint, options: { target: "compat" } },
  "target portable, int8 weights": { made: checkpoint, options: { target: "portable", dtype: "int8" } },
  "imported JumpReLU": { made: await pretrained("saelens-jumprelu") },
  "imported JumpReLU, portable, float16 weights": {
    made: await pretrained("gemma-scope"),
    options: { target: "portable", dtype: "float16" },
  },
  "imported ReLU": { made: await pretrained("saelens-standard") },
  "imported signed TopK": { made: await pretrained("experiment") },
};

describe.each(Object.entries(encoders))("%s", (_, { made, options = {} }) => {
  const { inputDim, latentDim } = made.config;
  const sae = freeze(made, "autoencoder", options);
  const { model, given } = small(inputDim);
  /** What the SAE makes of the activation by itself, and the activation. */
  const apart = async (): Promise<{ v: Float32Array<ArrayBuffer>; plain: Results; own: Results }> => {
    const plain = await run(cpu, model, given);
    const v = plain.v!.data as Float32Array<ArrayBuffer>;
    return { plain, v, own: await run(cpu, sae, { activations: tensor("float32", [10, inputDim], v) }) };
  };

  test("latents are the encoder's, the model's outputs stay", async () => {
    const { bytes, outputs } = attached(model, { tensor: "v" }, freeze(made, "encoder", options));
    expect(outputs.includes("sae_top_values")).toBe((options.target ?? "ort") === "ort" && "k" in made.config.options);
    const actual = await runBytes(cpu, bytes, given);
    const { plain, own } = await apart();
    const latents = own.latents!.data as Float32Array;
    allSame(actual, plain);
    expect(actual.sae_latents!.dims).toEqual([2, 5, latentDim]);
    expect(actual.sae_latents!.data).toEqual(latents);
    expect(latents.some((value) => value !== 0)).toBe(true);
  });

  test("--reconstruct", async () => {
    const { bytes } = attached(model, { tensor: "v", reconstruct: true }, sae);
    const reconstruction = (await apart()).own.reconstruction!.data as Float32Array;
    const actual = await runBytes(cpu, bytes, given);
    expect(actual.v!.data).toEqual(reconstruction);
    expect(actual.y!.data).toEqual(reconstruction.map((value) => 2 * value));
  });

  test("--steer adds the decoder rows as the encoder stores them", async () => {
    const { bytes } = attached(model, { tensor: "v", steer: true }, sae);
    const steer = zeros("float32", [latentDim]);
    steer.data[5] = 2;
    const actual = await runBytes(cpu, bytes, { ...given, sae_steer: steer });
    const rows = await run(cpu, freeze(made, "decoder", options), {
      latents: tensor(
        "float32",
        [2, latentDim],
        Float32Array.from([...steer.data, ...zeros("float32", [latentDim]).data]),
      ),
    });
    const decoded = rows.reconstruction!.data as Float32Array;
    const { v } = await apart();
    const moved = v.map((value, i) => value + decoded[i % inputDim]! - decoded[inputDim + (i % inputDim)]!);
    expect(farthest(actual.v!, tensor("float32", [2, 5, inputDim], moved))).toBeLessThan(1e-6);
  });
});

describe("two SAEs on two layers", () => {
  const last = "layer1/resid_post/Add_0";
  const twice = (options: { reconstruct?: boolean; steer?: boolean }) => {
    const one = attached(transformer(), { tensor: stream, ...options }, autoencoder);
    return attach({ bytes: one.bytes, file: "lm" }, { model: autoencoder, file: "sae" }, { tensor: last, ...options });
  };

  test("names are kept apart, the second sees what the first left", async () => {
    const both = twice({});
    expect(both.outputs).toEqual(["sae2_latents", "sae2_top_values", "sae2_top_indices"]);
    const actual = await runBytes(cpu, both.bytes, feeds);
    allSame(actual, await run(cpu, transformer(), feeds));
    for (const [prefix, tensor] of [
      ["sae", stream],
      ["sae2", last],
    ] as const) {
      const alone = await runBytes(cpu, attached(transformer(), { tensor }).bytes, feeds);
      expect(actual[`${prefix}_latents`]).toEqual(alone.sae_latents);
    }
    expect(actual.sae_latents!.data).not.toEqual(actual.sae2_latents!.data);
  });

  test("--reconstruct twice is one after the other, in either order", async () => {
    const forth = await runBytes(cpu, twice({ reconstruct: true }).bytes, feeds);
    const first = attached(transformer(), { tensor: last, reconstruct: true }, autoencoder);
    const back = attach(
      { bytes: first.bytes, file: "lm" },
      { model: autoencoder, file: "sae" },
      { tensor: stream, reconstruct: true },
    );
    const other = await runBytes(cpu, back.bytes, feeds);
    expect(other.logits).toEqual(forth.logits);
    expect(other.sae_latents).toEqual(forth.sae2_latents);
    const one = await runBytes(
      cpu,
      attached(transformer(), { tensor: stream, reconstruct: true }, autoencoder).bytes,
      feeds,
    );
    expect(forth.sae_latents).toEqual(one.sae_latents);
    expect(forth.logits).not.toEqual(one.logits);
  });

  test("each has a steer of its own; the same activation twice is encoded twice", async () => {
    const { bytes, inputs } = twice({ steer: true });
    expect(inputs).toEqual(["sae2_steer"]);
    const none = zeros("float32", [32]);
    const some = zeros("float32", [32]);
    some.data[1] = 3;
    const plain = await runBytes(cpu, bytes, { ...feeds, sae_steer: none, sae2_steer: none });
    allSame({ logits: plain.logits! }, { logits: (await run(cpu, transformer(), feeds)).logits! });
    const late = await runBytes(cpu, bytes, { ...feeds, sae_steer: none, sae2_steer: some });
    const early = await runBytes(cpu, bytes, { ...feeds, sae_steer: some, sae2_steer: none });
    expect(late.sae2_latents).toEqual(plain.sae2_latents);
    expect(early.sae2_latents).not.toEqual(plain.sae2_latents);
    expect(late.logits).not.toEqual(plain.logits);
    const again = attach(
      { bytes: attached(transformer(), { tensor: stream }).bytes, file: "lm" },
      { model: encoder, file: "sae" },
      { tensor: stream, prefix: "other" },
    );
    const same = await runBytes(cpu, again.bytes, feeds);
    expect(same.other_latents).toEqual(same.sae_latents);
  });
});
