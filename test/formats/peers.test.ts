import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { replay } from "../../src/evaluate/verify/replay.ts";
import { freeze } from "../../src/export/freeze.ts";
import { formats, importSae, type WrittenName, writtenNames } from "../../src/formats/index.ts";
import { unsigned, unsignedConfig } from "../../src/formats/unsigned.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { tensor } from "../../src/util/tensor.ts";
import { complaint } from "../data/helpers.ts";
import { vectorsFor } from "../export/vectors.ts";
import { agreement, disagreement, type Expected, expectedIn, peer, peersIn, toldOf } from "./peers.ts";

const root = "test/fixtures/peers";
const all = peersIn(root);

/** An SAE written in a format and read again; `undefined` where the format has no words for it. */
function again(format: WrittenName, checkpoint: Checkpoint): Checkpoint | undefined {
  let files: Readonly<Record<string, Uint8Array | string>>;
  try {
    files = formats[format].write(checkpoint, "a");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return undefined;
  }
  const bytes = (one: Uint8Array | string) => (typeof one === "string" ? new TextEncoder().encode(one) : one);
  return importSae({ path: "a", files: new Map(Object.entries(files).map(([name, one]) => [name, bytes(one)])) });
}

test("there is one of every class of every library", () => {
  expect(new Set(all.map((name) => name.split("/")[0]))).toEqual(new Set(readdirSync(root)));
  expect(all.length).toBeGreaterThanOrEqual(150);
});

describe.each(all)("%s", (name) => {
  const folder = join(root, name);

  test("computes what its library gave, as a checkpoint, as a frozen model and in float64", async () => {
    const read = await peer(folder);
    const checkpoint = readCheckpoint(writeCheckpoint(read), name);
    expect(checkpoint).toEqual(read);
    const expected = expectedIn(folder);
    expect(disagreement(await agreement(checkpoint, expected))).toBeUndefined();
    expect(Math.max(...expected.latents.data.map(Math.abs))).toBeGreaterThan(0.1);
    for (const target of ["ort", "portable"] as const) {
      const vectors = vectorsFor(checkpoint, "autoencoder", { target });
      const came = await replay(cpu, freeze(checkpoint, "autoencoder", { target }), vectors);
      expect(came, target).toMatchObject({ state: "compared", differences: { ok: true, selection: 0 } });
    }
  });

  test("comes back from every format that has words for it: the same bits, or to float rounding where a bias is folded", async () => {
    const checkpoint = await peer(folder);
    const expected = expectedIn(folder);
    const written = writtenNames.flatMap((format) => {
      const back = again(format, checkpoint);
      return back ? [{ format, back }] : [];
    });
    for (const { format, back } of written) {
      const same = Object.entries(checkpoint.config.options).every(
        ([key, value]) => back.config.options[key] === value,
      );
      if (same && format !== "dictionary-learning") expect(back.tensors, format).toEqual(checkpoint.tensors);
      else expect(disagreement(await agreement(back, expected)), format).toBeUndefined();
      expect([back.config.outputDim, back.config.skip]).toEqual([checkpoint.config.outputDim, checkpoint.config.skip]);
      // Once more: what was folded stays folded.
      expect(again(format, back)!.tensors, format).toEqual(back.tensors);
    }
    if (unsignedConfig(checkpoint.config)) {
      const doubled = unsigned(checkpoint, "a");
      const latents = expected.latents.dims[1]!;
      const without: Expected = { ...expected, latents: split(expected) };
      expect(disagreement(await agreement(doubled, without)), "unsigned").toBeUndefined();
      expect(doubled.config.latentDim).toBe(2 * latents);
      expect(again("saelens", doubled)!.tensors).toEqual(doubled.tensors);
    } else
      expect(complaint(() => unsigned(checkpoint, "a"))).toContain(
        "a: --unsigned is for an SAE that keeps latents by magnitude",
      );
    const isSaid = checkpoint.config.options.normalise === "none" || toldOf(folder).path.includes("saelens");
    if (isSaid && !/groupmax|transcode|sparsify|openai/.test(name)) expect(written.length).toBeGreaterThan(0);
  });
});

/** Latents above zero, then those below, each as what it is above zero. */
function split({ latents }: Expected) {
  const [rows, width] = latents.dims as [number, number];
  const data = new Float32Array(2 * latents.data.length);
  for (const [i, z] of latents.data.entries()) {
    const at = Math.floor(i / width) * 2 * width + (i % width);
    data[z < 0 ? at + width : at] = Math.abs(z);
  }
  return tensor("float32", [rows, 2 * width], data);
}

test("the comparison sees a weight that is off, a wrong k and a bias that is not taken off", async () => {
  const folder = join(root, "saelens/topk-none-bias");
  const checkpoint = await peer(folder);
  const expected = expectedIn(folder);
  const { config, tensors } = checkpoint;
  const options = (more: object) => ({ ...checkpoint, config: { ...config, options: { ...config.options, ...more } } });
  const W_enc = tensor("float32", tensors.W_enc!.dims, tensors.W_enc!.data.slice());
  W_enc.data[0]! += 1e-3;
  for (const wrong of [
    options({ k: 4 }),
    options({ inputBias: false }),
    { ...checkpoint, tensors: { ...tensors, W_enc } },
  ])
    expect(disagreement(await agreement(wrong, expected))).toMatch(/keep other latents|are off by/);
});

/** What may be changed without a word, as it says nothing of what is computed: how, on what and where it was trained. */
const unheard =
  /^(dtype|device|decoder_init_norm|l1_|lp_norm|l0_|aux_loss|use_sparse|topk_threshold_lr|matryoshka_widths|use_matryoshka|jumprelu_|pre_act|target_l0|context_size|prepend_bos|sae_lens|lr|normalize_decoder|multi_topk|l0|expansion_factor|top_k|buffer|trainer_class|steps|seed|reshape_activations|hook_head_index|finetuning|use_decoder_bias)/;

/** Files of settings of a folder, each with its keys and the values that are tried in their place. */
const others = [true, false, 0, 1, 2, 3, 0.5, -1, "topk", "relu", "none", "layer_norm", "gated", null, [], {}];

describe.each(all.filter((name) => !/saved-|flat-.*_norm|-constant_norm|whitening/.test(name)))("%s", (name) => {
  test("with another value of a setting is refused by name, or is another SAE", async () => {
    const folder = join(root, name);
    const { readSource } = await import("../../src/formats/source.node.ts");
    const { path, normFactor } = toldOf(folder);
    const source = { ...(await readSource(path)), normFactor };
    const good = importSae(source);
    for (const [file, bytes] of source.files) {
      if (!file.endsWith(".json") || file.startsWith("../")) continue;
      const text = JSON.parse(new TextDecoder().decode(bytes));
      const inner = text.trainer ? "trainer" : undefined;
      for (const [key, old] of Object.entries(inner ? text[inner] : text)) {
        // Of a batch's k only the threshold is left: the note says so.
        if (key === "k" && /training-(batchtopk|matryoshka)/.test(name)) continue;
        if (unheard.test(key) || key === "metadata" || key === "buffer") continue;
        for (const put of others) {
          if (JSON.stringify(put) === JSON.stringify(old)) continue;
          const changed = inner ? { ...text, [inner]: { ...text[inner], [key]: put } } : { ...text, [key]: put };
          const files = new Map([...source.files, [file, new TextEncoder().encode(JSON.stringify(changed))]]);
          let made: Checkpoint;
          try {
            made = importSae({ ...source, files });
          } catch (error) {
            if (!(error instanceof ConfigError)) throw error;
            expect(error.message.startsWith(source.path), error.message).toBe(true);
            continue;
          }
          // Null and false are other words for none, as leaving a setting out is.
          if (isSameMeaning(key, old, put)) continue;
          expect(made, `${file}: ${key} ${JSON.stringify(old)} to ${JSON.stringify(put)} changes nothing`).not.toEqual(
            good,
          );
        }
      }
    }
  });
});

/** Other words for the same. */
const isSameMeaning = (key: string, old: unknown, put: unknown): boolean => {
  const none = [null, false, "none", undefined, {}, 0].map((one) => JSON.stringify(one));
  if (none.includes(JSON.stringify(old)) && none.includes(JSON.stringify(put))) return true;
  if (key === "num_latents") return put === 0;
  if (key === "residual_threshold" && Number(old) <= 0 && Number(put) <= 0) return true;
  // Before version 6 the activation "topk" made a TopK of any architecture.
  if (key === "architecture" && old === "standard" && put === "topk") return true;
  // What is not text or a number is left out of where it comes from.
  return /^(model_name|hook|hf_hook|dataset_path|neuronpedia_id|lm_name|layer|submodule_name)/.test(key);
};
