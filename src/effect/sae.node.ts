import { readCheckpoint } from "../checkpoint/checkpoint.ts";
import { readInput } from "../data/files.node.ts";
import { type Attachable, attachable } from "../export/attach/encoder.ts";
import { readModel } from "../export/files.node.ts";
import { freeze } from "../export/freeze.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { onlyOutputs } from "../onnx/prune.ts";
import { usableRuntime } from "../runtime/providers.node.ts";
import { ConfigError } from "../util/errors.ts";
import { tensor } from "../util/tensor.ts";

/** An SAE that codes rows and decodes latents. */
export interface OpenSae {
  readonly file: string;
  /** The frozen autoencoder. */
  readonly model: Model;
  readonly attachable: Attachable;
  /** Latents `[rows, latentDim]` and reconstructions `[rows, inputDim]` of rows. */
  readonly code: (
    rows: Float32Array,
  ) => Promise<{ readonly latents: Float32Array; readonly reconstruction: Float32Array }>;
  /** What latents stand for in some rows `[rows, inputDim]`; these set the scale where the SAE has one for each row. */
  readonly decode: (latents: Float32Array, rows: Float32Array) => Promise<Float32Array>;
  readonly release: () => Promise<void>;
}

/**
 * The SAE in a frozen .autoencoder.onnx or a checkpoint.
 * @throws {ConfigError} when it is neither, has no decoder, or is a transcoder.
 */
export async function openSae(file: string, threads: number | undefined): Promise<OpenSae> {
  const model = /\.safetensors$/i.test(file)
    ? freeze(readCheckpoint(await readInput(file), file), "autoencoder")
    : await readModel(file);
  const checked = attachable(model, file);
  const { inputDim, latentDim, outputs, metadata } = checked;
  if (metadata.output_dim !== undefined)
    throw new ConfigError(`${file}: is a transcoder, which does not reconstruct the activation it reads; give an SAE`);
  if (outputs.get("reconstruction")?.width !== inputDim)
    throw new ConfigError(`${file}: is an encoder, it has no decoder; give the .autoencoder.onnx beside it`);
  const runtime = await usableRuntime("cpu");
  const open = (part: Model) => runtime.open(packModel(part), { threads, prepack: true });
  const coder = await open(onlyOutputs(model, ["latents", "reconstruction"]));
  const decoder = await open(decoderIn(model, file));
  const matrix = (data: Float32Array, width: number) => tensor("float32", [data.length / width, width], data);
  return {
    ...{ file, model, attachable: checked },
    async code(rows) {
      const given = await coder.run({ activations: matrix(rows, inputDim) });
      return {
        latents: given.latents!.data as Float32Array,
        reconstruction: given.reconstruction!.data as Float32Array,
      };
    },
    async decode(latents, rows) {
      const given = await decoder.run({ latents: matrix(latents, latentDim), activations: matrix(rows, inputDim) });
      return given.reconstruction!.data as Float32Array;
    },
    async release() {
      await coder.release();
      await decoder.release();
    },
  };
}

/** What an autoencoder makes of its latents, these being an input. @throws {ConfigError} where it rebuilds rows from something else. */
function decoderIn(model: Model, file: string): Model {
  const graph = model.graph ?? {};
  const latents = graph.output?.filter(({ name }) => name === "latents") ?? [];
  const node = graph.node?.filter(({ output }) => !output?.includes("latents")) ?? [];
  const decoder = onlyOutputs({ ...model, graph: { ...graph, node, input: [...(graph.input ?? []), ...latents] } }, [
    "reconstruction",
  ]);
  if (!decoder.graph?.input?.some(({ name }) => name === "latents"))
    throw new ConfigError(`${file}: does not rebuild rows from its latents; export it again`);
  return decoder;
}
