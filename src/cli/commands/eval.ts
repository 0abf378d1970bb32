import { filesIn } from "../../data/files.node.ts";
import { parseWhere } from "../../data/where.ts";
import { evaluateFiles } from "../../pipeline/files.node.ts";
import { openData } from "../../pipeline/open.node.ts";
import { serializeMetrics } from "../../record/metricsFile.ts";
import { ConfigError } from "../../util/errors.ts";
import { visible } from "../../util/visible.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { baseline, note, print, table } from "../output.ts";

export const evalCommand = defineCommand({
  command: "eval <models..>",
  positional: {
    models: { describe: "frozen .autoencoder.onnx or .evaluator.onnx files, or folders of the former", array: true },
  },
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
    const models = (await Promise.all((given.models as string[]).map(autoencodersAt))).flat();
    const refused: string[] = [];
    const file = await evaluateFiles({
      set,
      target,
      models,
      trainRows: given["train-rows"],
      provider: given.provider,
      threads: flags.checkCount("threads", given.threads),
      batchSize: given["batch-size"],
      out: given.out,
      onModel: (name) => given.quiet === true || note(`measuring ${name}`),
      onRefused({ message }) {
        refused.push(message);
        note(`not measured: ${visible(message)}`);
      },
    });
    print(given.json ? serializeMetrics(file).trimEnd() : `${table(file.rows)}\n${baseline(file)}`);
    if (refused.length > 0)
      throw new ConfigError(`${refused.length} of ${models.length} were not measured; the first: ${refused[0]}`);
  },
});

/** A model that is named, or the autoencoders in a folder that is. @throws {ConfigError} when a folder has none. */
async function autoencodersAt(path: string): Promise<readonly string[]> {
  const found = await filesIn(path, ".autoencoder.onnx");
  if (found?.length === 0)
    throw new ConfigError(`${path}: no .autoencoder.onnx in this folder; name the one that train or export wrote to`);
  return found ?? [path];
}
