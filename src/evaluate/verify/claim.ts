import { quote } from "../../data/quote.ts";
import { opsetVersion } from "../../graph/build.ts";
import { metadataOf } from "../../onnx/model.ts";
import { type Model, toNumber } from "../../onnx/proto.ts";
import { dataTypeName, shapeOf } from "../../onnx/tensors.ts";
import { ConfigError } from "../../util/errors.ts";
import { parseSmall } from "../../util/json.ts";

type Metadata = Readonly<Record<string, string>>;

/**
 * The digest of the verification vectors that a frozen model names, after its metadata were found to agree with its tensors.
 * @throws {ConfigError} when the model is none of ours, names no vectors, or its metadata contradict its tensors.
 */
export function vectorsClaim(model: Model, file: string): string {
  const metadata = metadataOf(model);
  if (metadata.format !== "sae-onnx")
    throw new ConfigError(
      `${file}: not a model of sae-onnx (metadata "format" is ${metadata.format === undefined ? "missing" : quote(metadata.format)}); give one that sae-onnx export wrote`,
    );
  if (metadata.version !== "1")
    throw new ConfigError(`${file}: of version ${quote(metadata.version ?? "missing")}, this reads 1; export it again`);
  for (const [key, expected, what] of contradictable(model, metadata, file)) {
    const said = metadata[key];
    if (said === undefined) throw new ConfigError(`${file}: metadata "${key}" is missing; export it again`);
    if (said !== String(expected))
      throw new ConfigError(`${file}: metadata "${key}" is ${quote(said)}, ${what} says ${expected}; export it again`);
  }
  if (!/^[0-9a-f]{64}$/.test(metadata.parity ?? ""))
    throw new ConfigError(
      `${file}: names no verification vectors (metadata "parity" is ${metadata.parity === undefined ? "missing" : "damaged"}); sae-onnx export of its checkpoint writes them`,
    );
  return metadata.parity!;
}

type Statement = [key: string, expected: string | number, what: string];

/** What the metadata must be: key, value, and what says so. */
const contradictable = (model: Model, metadata: Metadata, file: string): Statement[] => [
  ["part", partOf(model), "the list of its inputs and outputs"],
  ["target", targetOf(model, metadata.target), `opset ${opsetOf(model)}`],
  ...inTensors(model, metadata.output_dim === undefined ? "input_dim" : "output_dim"),
  ...inConfig(metadata, file),
];

/** The part that has such inputs and outputs. */
function partOf({ graph }: Model): string {
  const has = (among: "input" | "output", name: string) => graph?.[among]?.some((one) => one.name === name) ?? false;
  if (has("input", "latents")) return "decoder";
  // The second is what evaluators of earlier releases take.
  if (has("output", "latentStatistics.count") || has("input", "shift")) return "evaluator";
  return has("output", "reconstruction") ? "autoencoder" : "encoder";
}

const opsetOf = ({ opsetImport }: Model): number =>
  toNumber(opsetImport?.find(({ domain }) => !domain)?.version ?? undefined);

/** Only target ort has ONNX Runtime's opset. */
function targetOf(model: Model, said = ""): string {
  if (opsetOf(model) === opsetVersion) return "ort";
  return said === "ort" ? "another target" : said;
}

/** The training configuration repeats the first lines of the metadata; k is there where every row keeps exactly so many. */
function inConfig({ config = "", ...metadata }: Metadata, file: string): Statement[] {
  const said = Object(parsed(config)) as Record<string, unknown>;
  const keys = ["architecture", "preset", "input_dim", "latent_dim", ...("k" in metadata ? ["k"] : [])];
  return keys.map((key) => {
    const value = said[key];
    if (typeof value !== "string" && typeof value !== "number")
      throw new ConfigError(`${file}: metadata "config" is damaged (it has no ${key}); export it again`);
    return [key, value, 'metadata "config"'];
  });
}

function parsed(text: string): unknown {
  try {
    return parseSmall(text);
  } catch {
    return undefined;
  }
}

/** `written`: the key of the width that the decoder writes. */
function inTensors(model: Model, written: "input_dim" | "output_dim"): Statement[] {
  const found: Statement[] = [];
  for (const [name, key] of [
    ["activations", "input_dim"],
    ["reconstruction", written],
    ["targets", written],
    ["latents", "latent_dim"],
    ["top_values", "k"],
  ] as const)
    for (const info of [...(model.graph?.input ?? []), ...(model.graph?.output ?? [])])
      if (info.name === name) found.push([key, shapeOf(info)?.at(-1) ?? "?", name]);
  for (const { name, dims, dataType } of model.graph?.initializer ?? [])
    if (name === "W_enc" || name === "W_dec")
      found.push(
        ["latent_dim", toNumber(dims?.[0]), name],
        [name === "W_dec" ? written : "input_dim", toNumber(dims?.[1]), name],
        ["dtype", dataTypeName(dataType), name],
      );
  return found;
}
