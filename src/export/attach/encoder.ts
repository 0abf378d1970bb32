import { quote } from "../../data/quote.ts";
import { metadataOf } from "../../onnx/model.ts";
import { opsetOf } from "../../onnx/opsets.ts";
import type { Graph, Model } from "../../onnx/proto.ts";
import { dataTypes, shapeOf } from "../../onnx/tensors.ts";
import { ConfigError } from "../../util/errors.ts";

/** What can be attached: a frozen encoder or autoencoder, checked. */
export interface Attachable {
  readonly graph: Graph;
  readonly metadata: Readonly<Record<string, string>>;
  readonly opset: number;
  readonly inputDim: number;
  readonly latentDim: number;
  /** Outputs by name: element type and width. */
  readonly outputs: ReadonlyMap<string, { readonly dataType: number; readonly width: number }>;
}

/** @throws {ConfigError} when the model is no frozen encoder or autoencoder, or its metadata contradict its tensors. */
export function attachable(model: Model, file: string): Attachable {
  const metadata = metadataOf(model);
  const graph = model.graph ?? {};
  if (metadata.format !== "sae-onnx" || !["encoder", "autoencoder"].includes(metadata.part ?? "")) {
    const is =
      metadata.format === "sae-onnx" ? `the part ${quote(metadata.part ?? "")}` : "not one of sae-onnx's models";
    throw new ConfigError(
      `${file}: is ${is}; give a frozen .encoder.onnx or .autoencoder.onnx, as sae-onnx train and export write them`,
    );
  }
  const { input = [], output = [] } = { input: graph.input ?? [], output: graph.output ?? [] };
  const damaged = (what: string) => new ConfigError(`${file}: ${what}; export it again`);
  const activations = input.find(({ name }) => name === "activations");
  if (!activations || input.length !== 1 || activations.type?.tensorType?.elemType !== dataTypes.float32)
    throw damaged(`its input must be "activations" in float32, it has ${input.map(({ name }) => name).join(", ")}`);
  const outputs = new Map(
    output.map((info) => {
      const width = shapeOf(info)?.at(-1);
      if (typeof width !== "number") throw damaged(`output ${quote(info.name ?? "")} has no known width`);
      return [info.name ?? "", { dataType: info.type?.tensorType?.elemType ?? 0, width }];
    }),
  );
  const inputDim = shapeOf(activations)?.at(-1);
  const latentDim = outputs.get("latents")?.width;
  for (const [key, dim, what] of [
    ["input_dim", inputDim, "activations"],
    ["latent_dim", latentDim, "latents"],
  ] as const)
    if (typeof dim !== "number" || metadata[key] !== String(dim))
      throw damaged(
        `its metadata say ${key} ${quote(metadata[key] ?? "missing")}, its ${what} are ${dim ?? "missing"} wide`,
      );
  const opset = opsetOf(model);
  if (opset === undefined) throw damaged("it imports no opset of the default domain");
  return { graph, metadata, opset, inputDim: inputDim as number, latentDim: latentDim as number, outputs };
}
