import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { parseLatents } from "../../src/effect/changes.ts";
import { type EffectRequest, measureEffect } from "../../src/effect/effect.node.ts";
import { freeze } from "../../src/export/freeze.ts";
import { decodeModel, encodeModel } from "../../src/onnx/model.ts";
import { languageModel, namings } from "../harvest/models.ts";
import { belongs, fileOf, fixtureSae, request } from "./helpers.ts";

const other = fileOf("other.onnx", languageModel(namings.torchscript));
const encoder = fileOf("sae.encoder.onnx", encodeModel(freeze(fixtureSae(belongs), "encoder")));
const homeless = fileOf("homeless.safetensors", writeCheckpoint(fixtureSae(null)));
const atLast = fileOf("last.safetensors", writeCheckpoint(fixtureSae({ ...belongs, positions: "last" })));
const single = fileOf("single.jsonl", '{"input_ids":[3]}\n{"input_ids":[4]}\n');
const empty = fileOf("empty.jsonl", "\n");
const beyond = fileOf("beyond.jsonl", '{"input_ids":[3,1,7]}\n');

/** The model of other blocks, whose logits have another name. */
const nameless = (() => {
  const model = decodeModel(languageModel(namings.torchscript), "model");
  const graph = model.graph!;
  const rename = (name: string) => (name === "logits" ? "scores" : name);
  for (const node of graph.node ?? []) {
    node.output = (node.output ?? []).map(rename);
    node.input = (node.input ?? []).map(rename);
  }
  graph.output![0]!.name = "scores";
  return fileOf("nameless.onnx", encodeModel(model));
})();

describe("bad input is one clear line", () => {
  test.each<[string, Partial<EffectRequest> & { file?: string }, RegExp]>([
    [
      "an SAE of another width",
      { file: other },
      /8 wide by the weights it is made of|has another width than the encoder's 16/,
    ],
    ["a place that is not there", { at: "blocks.9" }, /no block is called "blocks.9"; there are blocks.0 to blocks.2/],
    ["no output of logits", { file: nameless }, /has no output logits.*; it has scores: name one with --output$/],
    ["an output that is not there", { output: "hidden" }, /^--output hidden: .*model.onnx has logits$/],
    ["a latent that is not there", { changes: parseLatents("ablate", "3+32") }, /latents 0 to 31.*no latent 32$/],
    ["an encoder alone", { sae: encoder }, /is an encoder, it has no decoder; give the .autoencoder.onnx beside it$/],
    [
      "no place",
      { sae: homeless },
      /^--at: is needed, as .*homeless.safetensors does not say where its rows come from/,
    ],
    ["texts of one token", { text: single }, /all its 2 texts have fewer than 2 tokens, so none is predicted/],
    ["no text", { text: empty }, /no text in it; give one a line$/],
    [
      "positions that no text has",
      { positions: "40.." },
      /^--positions 40..: none of the 13 texts has such a position/,
    ],
    ["the last position", { positions: "last" }, /^--positions last: no token is predicted from there, so no loss/],
    [
      "a push that the model cannot take",
      { changes: parseLatents("steer", `1:${"9".repeat(39)}`) },
      /^steer 1:9+: makes .*model.onnx give logits that are not finite, at position \d; change less$/,
    ],
    ["an SAE of the last position", { sae: atLast }, /\(the SAE was trained on rows at these\); name others/],
  ])("%s", async (_, given, message) => {
    await expect(request(given).then(measureEffect)).rejects.toThrow(message);
  });

  test("ids that the logits have not", async () => {
    const given = await request({ file: other, sae: narrow(), at: "blocks.1", text: beyond });
    await expect(measureEffect(given)).rejects.toThrow(
      /gives logits of 5 tokens, text 0 has a token 7; is the tokenizer/,
    );
  });

  test.each([
    ["ablate", "a", /^--ablate: must be latents such as 12,40 or 12\+40, got "a"$/],
    ["ablate", "3:1", /^--ablate: must be latents such as .*, got "3:1"$/],
    ["scale", "3", /^--scale: must be latents such as 12:3, got "3"$/],
    ["steer", "3:1+3:2", /^--steer: names latent 3 twice/],
  ] as const)("--%s %s", (flag, text, message) => {
    expect(() => parseLatents(flag, text)).toThrow(message);
  });
});

/** An SAE 8 wide: the first half of each row of the fixture's. */
function narrow(): string {
  const { tensors, config, ...rest } = fixtureSae(belongs);
  const half = (name: string) => ({
    ...tensors[name]!,
    dims: [...tensors[name]!.dims.slice(0, -1), 8],
    data: tensors[name]!.data.filter((_, i) => i % 16 < 8),
  });
  const own = { ...tensors, W_enc: half("W_enc"), W_dec: half("W_dec"), b_dec: half("b_dec") };
  const path = fileOf("narrow.safetensors", "");
  writeFileSync(path, writeCheckpoint({ ...rest, config: { ...config, inputDim: 8 }, tensors: own }));
  return path;
}
