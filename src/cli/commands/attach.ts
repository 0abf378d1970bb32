import { parsePositions } from "../../harvest/positions.ts";
import { showValue } from "../../onnx/values.ts";
import { attachFiles } from "../../pipeline/attachModel.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { visible } from "../../util/visible.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

export const attach = defineCommand({
  command: "attach",
  options: {
    model: { type: "string", demandOption: true, describe: "the ONNX model to attach to" },
    at: {
      type: "string",
      describe: "the activation in it, [..., inputDim]: blocks.14 (harvest --list), a value's name, or NODE:3",
    },
    tensor: { type: "string", describe: "the same as --at" },
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
    positions: { type: "string", describe: "change the activation only there: 1.. or 1..5, 3, -1 (the last)" },
    mask: {
      type: "boolean",
      default: false,
      describe: "a further input PREFIX_mask [...]: change the activation only where it is true",
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
      "$0 attach --model llm.onnx --at blocks.3 --encoder sae_d512_k5.encoder.onnx --out llm+sae.onnx",
      "a model that gives latents too",
    ],
  ],
  async run({
    model,
    encoder,
    out,
    at,
    tensor = at,
    positions,
    mask,
    prefix,
    outputs,
    reconstruct,
    steer,
    width,
    load,
    json,
  }) {
    if (tensor === undefined)
      throw new ConfigError("--at: is needed; harvest --list names where an encoder can be attached");
    if (at !== undefined && at !== tensor)
      throw new ConfigError(`--at ${at} and --tensor ${tensor} name two places; give one`);
    const wanted = positions === undefined ? undefined : parsePositions("positions", positions);
    if (wanted !== undefined && (wanted.of !== "ranges" || wanted.ranges.length > 1))
      throw new ConfigError(`--positions: must be numbers such as 3, -1 or 1..5, got "${positions}"`);
    const attached = await attachFiles(
      { model, encoder, out },
      {
        ...{ tensor, prefix, outputs: outputs?.split(",").map((one) => one.trim()), reconstruct, steer, width, mask },
        positions: wanted?.ranges[0],
      },
      { load },
    );
    if (attached.notLoaded !== undefined)
      note(
        `${model}: ONNX Runtime here does not load it, so the new model was not tried either: ${attached.notLoaded}`,
      );
    note(visible(`${out}: at ${showValue(attached.at)}${attached.hook ? `, ${attached.hook}` : ""}`));
    for (const caution of attached.cautions) note(visible(`${out}: ${caution}`));
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
