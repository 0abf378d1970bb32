import { showValue } from "../../onnx/values.ts";
import { attachFiles } from "../../pipeline/attachModel.node.ts";
import { visible } from "../../util/visible.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

export const attach = defineCommand({
  command: "attach",
  options: {
    model: { type: "string", demandOption: true, describe: "the ONNX model to attach to" },
    tensor: {
      type: "string",
      demandOption: true,
      describe: "the activation in it, [..., inputDim]; a value's name, or NODE:3 for output 3 of a node",
    },
    encoder: { type: "string", demandOption: true, describe: "a frozen .encoder.onnx or .autoencoder.onnx" },
    out: { type: "string", demandOption: true, describe: "the model to write" },
    prefix: { type: "string", describe: "what the new names start with [default: sae, sae2, ...]" },
    outputs: {
      type: "string",
      describe: "which of latents,top_values,top_indices the model gives [default: all the encoder has]",
    },
    reconstruct: {
      type: "boolean",
      default: false,
      describe: "put the reconstruction in the activation's place, for all that reads it",
    },
    steer: {
      type: "boolean",
      default: false,
      describe: "a further input PREFIX_steer [latentDim]: that much of each decoder row is added to the activation",
    },
    width: { type: "number", describe: "width of the activation, where the model does not declare it" },
    load: {
      type: "boolean",
      default: true,
      describe: "load the new model once before it is written; takes memory for what is in the .onnx itself",
    },
    json: flags.json,
  },
  examples: [
    [
      "$0 attach --model llm.onnx --tensor /layers.3/Add_output_0 --encoder sae_d512_k5.encoder.onnx --out llm+sae.onnx",
      "a model that gives latents too",
    ],
  ],
  async run({ model, encoder, out, tensor, prefix, outputs, reconstruct, steer, width, load, json }) {
    const attached = await attachFiles(
      { model, encoder, out },
      { tensor, prefix, outputs: outputs?.split(",").map((one) => one.trim()), reconstruct, steer, width },
      { load },
    );
    if (attached.notLoaded !== undefined)
      note(
        `${model}: ONNX Runtime here does not load it, so the new model was not tried either: ${attached.notLoaded}`,
      );
    note(visible(`${out}: at ${showValue(attached.at)}`));
    const { inputs } = attached;
    if (json) print(JSON.stringify({ path: out, inputs, outputs: attached.outputs }, null, 1));
    else
      print(
        [...inputs.map((name) => `input  ${name}`), ...attached.outputs.map((name) => `output ${name}`)]
          .map(visible)
          .join("\n"),
      );
  },
});
