import { checkFiniteRows } from "../data/finite.ts";
import { encoderWidth } from "../evaluate/frozen.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { onlyOutputs } from "../onnx/prune.ts";
import type { Runtime, SessionOptions } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sliceRows, tensor } from "../util/tensor.ts";

type Matrix = HostTensor<"float32">;

const batchSize = 1024;
/** Most entries of the latents of all rows: 4 GiB. */
const mostEntries = 2 ** 30;

/** What a model makes of rows, `[rows, latentDim]` and `[rows, inputDim]`; an encoder gives no reconstruction. */
export interface ModelFeatures {
  readonly latents: Matrix;
  readonly reconstruction?: Matrix;
}

/**
 * Latents and reconstructions of all rows.
 * @throws {ConfigError} when the model is no frozen encoder or autoencoder, takes another width, or its latents do not fit in memory.
 */
export async function featuresOf(
  runtime: Runtime,
  model: Model,
  file: string,
  activations: Matrix,
  options: SessionOptions = {},
): Promise<ModelFeatures> {
  const width = encoderWidth(model, file);
  const [rows, own] = activations.dims as [number, number];
  if (own !== width)
    throw new ConfigError(
      `${file}: takes activations ${width} wide, the data are ${own} wide; is it the model of another layer?`,
    );
  checkFiniteRows(activations, "the rows");
  const outputs = ["latents", "reconstruction"].filter((name) => model.graph?.output?.some((one) => one.name === name));
  const session = await runtime.open(packModel(onlyOutputs(model, outputs)), options);
  try {
    const found: Record<string, Matrix> = {};
    for (let from = 0; from < rows; from += batchSize) {
      const batch = await session.run({ activations: sliceRows(activations, from, Math.min(from + batchSize, rows)) });
      for (const name of outputs) {
        const { data, dims } = batch[name] as Matrix;
        const wide = dims[1]!;
        if (rows * wide > mostEntries)
          throw new ConfigError(
            `${file}: ${name} of ${rows} rows, ${wide} wide, take ${Math.round((rows * wide * 4) / 2 ** 30)} GiB; take fewer rows, with --where`,
          );
        found[name] ??= tensor("float32", [rows, wide], new Float32Array(rows * wide));
        found[name].data.set(data, from * wide);
      }
    }
    return found as unknown as ModelFeatures;
  } finally {
    await session.release();
  }
}
