import { parseWhere } from "../../data/where.ts";
import { evaluateFiles } from "../../pipeline/files.node.ts";
import { openData } from "../../pipeline/open.node.ts";
import { serializeMetrics } from "../../record/metricsFile.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { baseline, note, print, table } from "../output.ts";

export const evalCommand = defineCommand({
  command: "eval <models..>",
  positional: { models: { describe: "frozen .autoencoder.onnx or .evaluator.onnx files", array: true } },
  options: {
    ...flags.data,
    ...flags.target,
    ...flags.memory,
    ...flags.machine,
    "batch-size": { type: "number", default: 1024, describe: "rows per run; does not change the numbers" },
    out: { type: "string", describe: "also write the metrics file here" },
    json: flags.json,
  },
  examples: [
    ["$0 eval models/*.autoencoder.onnx --data acts.npy", "a table of all metrics"],
    ["$0 eval sae.autoencoder.onnx --data acts.npy --provider wasm --json", "the same numbers from WebAssembly"],
  ],
  async run(given) {
    flags.applyTf32(given.tf32);
    await flags.checkProvider(given.provider);
    const memory = flags.parseBytes("memory", given.memory);
    const { set, target } = await openData({ ...given, where: parseWhere(given.where) }, memory);
    const file = await evaluateFiles({
      set,
      target,
      models: given.models as string[],
      trainRows: given["train-rows"],
      provider: given.provider,
      threads: flags.checkCount("threads", given.threads),
      batchSize: given["batch-size"],
      out: given.out,
      onModel: (name) => given.quiet === true || note(`measuring ${name}`),
    });
    print(given.json ? serializeMetrics(file).trimEnd() : `${table(file.rows)}\n${baseline(file)}`);
  },
});
