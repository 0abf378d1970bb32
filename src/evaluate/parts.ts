import type { Model } from "../onnx/proto.ts";
import { hostTensor, shapeOf } from "../onnx/tensors.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";

/** A model's decoder `[latentDim, outputDim]`; `undefined` where it keeps none as float32, as an encoder does. */
export function decoderOf(model: Model, latentDim: number): HostTensor<"float32"> | undefined {
  const kept = model.graph?.initializer?.find(({ name }) => name === "W_dec");
  const decoder = kept && hostTensor(kept);
  const fits = decoder?.dtype === "float32" && decoder.dims.length === 2 && decoder.dims[0] === latentDim;
  return fits ? (decoder as HostTensor<"float32">) : undefined;
}

/** The widths of what a model takes and of its latents. @throws {ConfigError} when it has none of these. */
export function dimsOf(model: Model, file: string): { inputDim: number; latentDim: number } {
  const width = (infos: NonNullable<Model["graph"]>["input"], name: string) => {
    const info = infos?.find((one) => one.name === name);
    const dim = info && shapeOf(info)?.at(-1);
    return typeof dim === "number" ? dim : undefined;
  };
  const inputDim = width(model.graph?.input, "activations");
  const latentDim = width(model.graph?.output, "latents");
  if (inputDim === undefined || latentDim === undefined)
    throw new ConfigError(
      `${file}: needs an input "activations" and an output "latents"; give a frozen autoencoder, as sae-onnx train and export write`,
    );
  return { inputDim, latentDim };
}
