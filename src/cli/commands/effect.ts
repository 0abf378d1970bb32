import { effectFiles } from "../../pipeline/effectFiles.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { visible } from "../../util/visible.ts";
import { defineCommand } from "../command.ts";
import { effectTable } from "../effectTable.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";
import { textFiles, textFlags } from "../textFlags.ts";

/** Seconds between two lines about how far it is. */
const linesEvery = 30;

export const effect = defineCommand({
  command: "effect <sae>",
  positional: { sae: { describe: "a frozen .autoencoder.onnx, or a checkpoint (.safetensors)" } },
  options: {
    ...textFlags,
    at: {
      type: "string",
      describe: "where the SAE is put: blocks.14, or the name of any value [default: where its rows come from]",
    },
    positions: {
      type: "string",
      describe:
        "tokens whose activation is changed: all, last, random, mask, or 3, -2, 1.. [default: those the SAE was trained on]",
    },
    "special-tokens": {
      choices: ["skip", "keep", "none"] as const,
      default: "skip" as const,
      describe: "skip: left alone, and not predicted; keep: as others; none: the tokenizer adds none",
    },
    output: {
      type: "string",
      describe:
        "what is measured: an output of logits, or of a vector a text [default: logits, sentence_embedding, ...]",
    },
    ablate: { type: "string", describe: "set latents to 0: 12,40 one by one, 12+40 together" },
    scale: { type: "string", describe: "multiply latents: 12:3, or 12:3+40:0.5 together" },
    steer: { type: "string", describe: "add to latents at every changed position: 12:80" },
    controls: {
      type: "number",
      default: 1,
      describe: "random directions of the same length, for the reconstruction and each change of latents",
    },
    prompt: { type: "string", describe: "also go on with this text, by the likeliest tokens, under every change" },
    tokens: { type: "number", default: 20, describe: "with --prompt: by how many tokens" },
    "batch-tokens": { type: "number", default: 256, describe: "tokens of one run; their logits are in memory" },
    seed: { type: "number", default: 0, describe: "seed of random directions and of --positions random" },
    out: { type: "string", describe: "also write the results here, as JSON" },
    json: flags.json,
  },
  examples: [
    [
      "$0 effect sae.autoencoder.onnx --model llm.onnx --at blocks.14 --text texts.txt",
      "how much of the model's predictions a reconstruction keeps",
    ],
    [
      "$0 effect sae.autoencoder.onnx --model llm.onnx --text texts.txt --steer 12:80 --controls 3 --prompt 'I think'",
      "what pushing a latent does, beside pushing random directions",
    ],
  ],
  async run(given) {
    const { sae, text, output, at, positions, ablate, scale, steer, controls, prompt, tokens, out } = given;
    if (text === undefined) throw new ConfigError("--text: is needed");
    let said = performance.now();
    const results = await effectFiles({
      ...textFiles({ ...given, text }),
      ...{ sae: sae as string, output, at, positions, ablate, scale, steer, controls, prompt, tokens, out },
      onCaution: (line) => note(visible(`${sae}: ${line}`)),
      onTokens(done) {
        if (given.quiet === true || performance.now() - said < linesEvery * 1000) return;
        said = performance.now();
        note(`measured ${done} tokens`);
      },
    });
    print(given.json ? JSON.stringify(results, null, 1) : effectTable(results));
  },
});
