import { quote } from "../../data/quote.ts";
import { metadataOf } from "../../onnx/model.ts";
import { type Model, toNumber } from "../../onnx/proto.ts";
import { dataTypeName, shapeOf } from "../../onnx/tensors.ts";
import { ConfigError } from "../../util/errors.ts";

/**
 * The digest of the parity vectors that a frozen model names, after its metadata were found to agree with its tensors.
 * @throws {ConfigError} when the model is none of ours, names no vectors, or its metadata contradict its tensors.
 */
export function parityClaim(model: Model, file: string): string {
  const metadata = metadataOf(model);
  if (metadata.format !== "sae-onnx")
    throw new ConfigError(
      `${file}: not a model of sae-onnx (metadata "format" is ${metadata.format === undefined ? "missing" : quote(metadata.format)}); give one that sae-onnx export wrote`,
    );
  if (metadata.version !== "1")
    throw new ConfigError(`${file}: of version ${quote(metadata.version ?? "missing")}, this reads 1; export it again`);
  for (const [key, expected, what] of contradictable(model)) {
    const said = metadata[key];
    if (said === undefined) throw new ConfigError(`${file}: metadata "${key}" is missing; export it again`);
    if (said !== String(expected))
      throw new ConfigError(`${file}: metadata "${key}" is ${quote(said)}, ${what} says ${expected}; export it again`);
  }
  if (!/^[0-9a-f]{64}$/.test(metadata.parity ?? ""))
    throw new ConfigError(
      `${file}: names no parity vectors (metadata "parity" is ${metadata.parity === undefined ? "missing" : "damaged"}); sae-onnx export of its checkpoint writes them`,
    );
  return metadata.parity!;
}

/** What the tensors say of the metadata: key, value, and which tensor. */
function contradictable(model: Model): [key: string, expected: string | number, what: string][] {
  const found: [string, string | number, string][] = [];
  for (const [name, key] of [
    ["activations", "input_dim"],
    ["reconstruction", "input_dim"],
    ["latents", "latent_dim"],
    ["top_values", "k"],
  ] as const)
    for (const info of [...(model.graph?.input ?? []), ...(model.graph?.output ?? [])])
      if (info.name === name) found.push([key, shapeOf(info)?.at(-1) ?? "?", name]);
  for (const { name, dims, dataType } of model.graph?.initializer ?? [])
    if (name === "W_enc" || name === "W_dec")
      found.push(
        ["latent_dim", toNumber(dims?.[0]), name],
        ["input_dim", toNumber(dims?.[1]), name],
        ["dtype", dataTypeName(dataType), name],
      );
  return found;
}
