import { join } from "node:path";
import { gridConfigs } from "../../config/grid.ts";
import { writeWhole } from "../../data/files.node.ts";
import { checkModel, requireFit } from "../../onnx/check.ts";
import { kernelProviders } from "../../onnx/kernels.ts";
import { encodeModel } from "../../onnx/model.ts";
import { printModel } from "../../onnx/print.ts";
import { stepFor } from "../../pipeline/providerStep.ts";
import { stemsOf } from "../../record/names.ts";
import { capabilities } from "../../runtime/capabilities.ts";
import { trainingGraph } from "../../train/trainer.ts";
import { ConfigError } from "../../util/errors.ts";
import { checkFileName } from "../../util/fileName.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { fitTable, note, print } from "../output.ts";
import { listsOf, trainFlags } from "../trainFlags.ts";

// What is the host's business is no part of the graph.
const {
  epochs: _,
  seed: __,
  seeds: ___,
  "shuffle-rows": _____,
  retire: ____,
  calibrate: ______,
  "resample-every": _______,
  ...sae
} = trainFlags as typeof trainFlags & {
  readonly epochs: unknown;
  readonly seed: unknown;
  readonly "resample-every": unknown;
};

export const buildGraph = defineCommand({
  command: "build-graph",
  options: {
    "input-dim": { type: "number", demandOption: true, describe: "width of the activations" },
    "output-dim": {
      type: "number",
      describe: "a transcoder: width of its targets [default: none, the activations are]",
    },
    ...sae,
    "total-steps": { type: "number", describe: "steps of the whole training, where a schedule depends on it" },
    provider: {
      ...flags.machine.provider,
      describe:
        "what the graph is for: cpu and wasm a Loop, cuda a Scan, webgpu one step; a node without a kernel there is refused",
    },
    name: { type: "string", describe: "first part of the files' names [default: ARCHITECTURE_PRESET]" },
    out: { type: "string", default: "graphs", describe: "folder to write to" },
    check: {
      type: "boolean",
      default: false,
      describe: "write nothing: print whether every node has a kernel, for every provider's own graph",
    },
    json: flags.json,
  },
  examples: [
    ["$0 build-graph --input-dim 2048 --latent-dim 512,1024,2048 --k 5,10,20,100", "the experiment's twelve graphs"],
  ],
  async run(given) {
    if (given.name !== undefined) checkFileName(given.name, "--name");
    const configsFor = (step: string | undefined) =>
      gridConfigs({
        architecture: given.architecture,
        preset: given.preset,
        inputDim: given["input-dim"],
        outputDim: given["output-dim"],
        lists: listsOf("build-graph", given),
        shared: { step, totalSteps: given["total-steps"] },
      });
    const configs = configsFor(stepFor(given.provider, given.step));
    const written = [];
    const checked = [];
    const { architecture, preset } = configs[0]!;
    const names = stemsOf(given.name ?? `${architecture}_${preset}`, configs);
    for (const [i, config] of configs.entries()) {
      const path = join(given.out, `${names[i]}.onnx`);
      if (given.check) {
        const misfits = kernelProviders.flatMap((provider) => {
          const own = provider === given.provider ? config : configsFor(stepFor(provider, undefined))[i]!;
          return checkModel(trainingGraph(own, capabilities[provider].wrapper), provider, path);
        });
        checked.push({ path, misfits });
        continue;
      }
      const model = trainingGraph(config, capabilities[given.provider].wrapper);
      requireFit(model, given.provider, path);
      const bytes = encodeModel(model);
      await writeWhole(path, bytes);
      await writeWhole(path.replace(/\.onnx$/, ".txt"), printModel(model));
      written.push({ path, bytes: bytes.length, latent_dim: config.latentDim, k: config.options.k });
      note(`${path} (${bytes.length} bytes)`);
    }
    if (given.json) print(JSON.stringify(given.check ? checked : written, null, 1));
    else if (given.check) print(checked.map(({ path, misfits }) => fitTable(path, misfits)).join("\n"));
    if (checked.some(({ misfits }) => misfits.some(({ provider }) => provider === given.provider)))
      throw new ConfigError(`build-graph: not every graph runs on ${given.provider}; the table above names the nodes`);
  },
});
