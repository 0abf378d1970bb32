import { join } from "node:path";
import { sentences } from "../../features/summary.ts";
import { type FeatureFormat, featureFormats, writeFeatures } from "../../pipeline/features.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

/** Seconds between two lines about how far it is. */
const linesEvery = 30;

export const features = defineCommand({
  command: "features <model>",
  positional: { model: { describe: "a frozen .autoencoder.onnx, or a .encoder.onnx, which has no decoder" } },
  options: {
    ...flags.data,
    ...flags.memory,
    ...flags.machine,
    "batch-size": { type: "number", default: 512, describe: "rows per run; does not change the numbers" },
    unembedding: {
      type: "string",
      describe:
        "also say which tokens each latent promotes and suppresses: a matrix [vocabulary, inputDim], or the language model (.onnx), of which the one that makes its logits is taken",
    },
    "unembedding-tensor": { type: "string", describe: "name of the matrix in that file [default: the only one]" },
    tokenizer: {
      type: "string",
      describe:
        "how token ids are written: a tokenizer.json, a JSON list of tokens, or a text file with a token a line",
    },
    top: { type: "number", default: 20, describe: "strongest rows kept of each latent" },
    format: {
      type: "string",
      default: "json,explorer",
      describe: "what to write: json, explorer, neuronpedia, separated by commas",
    },
    out: { type: "string", default: "features", describe: "folder to write to" },
    json: flags.json,
  },
  examples: [
    ["$0 features sae.autoencoder.onnx --data acts.safetensors", "what each latent responds to: features/index.html"],
    [
      "$0 features sae.autoencoder.onnx --data acts.npy --unembedding lm_head.npy --tokenizer tokenizer.json",
      "also the tokens it promotes",
    ],
  ],
  async run(given) {
    flags.applyTf32(given.tf32);
    const formats = formatsIn(given.format);
    await flags.checkProvider(given.provider);
    const { data, tensor, where, out } = given;
    let said = performance.now();
    const summary = await writeFeatures({
      model: given.model as string,
      ...{ data, tensor, where, out, formats, top: given.top },
      memory: flags.parseBytes("memory", given.memory),
      trainRows: given["train-rows"],
      provider: given.provider,
      threads: given.threads,
      batchSize: given["batch-size"],
      unembedding: given.unembedding,
      unembeddingTensor: given["unembedding-tensor"],
      tokenizer: given.tokenizer,
      onProgress(what, done, all) {
        if (given.quiet === true || performance.now() - said < linesEvery * 1000) return;
        said = performance.now();
        note(`${what === "rows" ? "encoded" : "described"} ${done} of ${all} ${what}`);
      },
    });
    if (given.json) return print(JSON.stringify(summary, null, 1));
    print(
      [...sentences(summary), `open ${join(out, formats.includes("explorer") ? "index.html" : "features.json")}`].join(
        "\n",
      ),
    );
  },
});

function formatsIn(text: string): FeatureFormat[] {
  const given = text.split(",").map((one) => one.trim());
  const isFormat = (one: string): one is FeatureFormat => featureFormats.includes(one as FeatureFormat);
  const wrong = given.find((one) => !isFormat(one));
  if (wrong !== undefined)
    throw new ConfigError(`--format: ${JSON.stringify(wrong)} is none of ${featureFormats.join(", ")}`);
  return given.filter(isFormat);
}
