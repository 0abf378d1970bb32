import { probeFiles } from "../../pipeline/probeFiles.node.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";
import { probeTable } from "../probeTable.ts";

const { data, tensor, where } = flags.data;
const { threads } = flags.machine;

export const probeCommand = defineCommand({
  command: "probe [models..]",
  positional: {
    models: { describe: "frozen .autoencoder.onnx files; without, activations alone", array: true, optional: true },
  },
  options: {
    ...{ data, tensor, where },
    label: {
      type: "string",
      demandOption: true,
      describe:
        "what to look for: a column of the set or of NAME.labels.jsonl; or a question of one: tense=past, 'token=\" of\"', text~word",
    },
    groups: {
      type: "string",
      describe:
        "column whose equal values stay together in one fold [default: text_id where there is one, else each row]",
    },
    folds: {
      type: "string",
      default: "5",
      describe: "how many folds to cross-validate with, or the column that says which",
    },
    seed: { type: "number", default: 0, describe: "seed of folds, shuffled labels and intervals" },
    provider: {
      choices: ["cpu", "wasm"] as const,
      default: "cpu" as const,
      describe: "what runs the models and trains the probes",
    },
    threads,
    out: { type: "string", describe: "also write the results here, as JSON" },
    json: flags.json,
  },
  examples: [
    ["$0 probe --data acts.safetensors --label tense", "what raw activations say of a column"],
    [
      "$0 probe models/*.autoencoder.onnx --data acts.npy --label text~not --groups text_id",
      "and how much of it each SAE keeps: whether the text has this word",
    ],
  ],
  async run(given) {
    await flags.checkProvider(given.provider);
    const file = await probeFiles({
      ...{ data: given.data, tensor: given.tensor, where: given.where },
      ...{ label: given.label, groups: given.groups, folds: given.folds, seed: given.seed },
      models: (given.models as string[] | undefined) ?? [],
      ...{ provider: given.provider, threads: given.threads, out: given.out },
      onProbe: given.quiet === true ? undefined : (what) => note(`probing ${what}`),
    });
    print(given.json ? JSON.stringify(file, null, 2) : probeTable(file));
  },
});
