import * as ort from "onnxruntime-node";
import { identityModel } from "./identity.ts";
import { common, type Ort, type OrtTensor, onGpuOnly, openSession, type Runtime } from "./session.ts";

const own = ort as unknown as Ort;

/**
 * ONNX Runtime's CPU provider in Node, with three options of its own:
 *
 * - Denormal numbers count as zero. Adam's second moments of latents that no longer fire become denormal, and these would slow
 *   down every step.
 * - Constant weights are not packed beforehand. Packed products round differently, and a frozen encoder must equal the training
 *   graph bit for bit.
 * - No memory pattern. It reserves room for all values of a run, though they never exist at the same time: 60 to 200 MB more for
 *   a training of 2,048 x 2,048, and no faster.
 */
export const cpu: Runtime = {
  provider: "cpu",
  open: (model, { threads, carried, prepack = false } = {}) =>
    openSession(
      own,
      model,
      {
        ...common,
        executionProviders: ["cpu"],
        enableMemPattern: false,
        ...(threads ? { intraOpNumThreads: threads } : {}),
        extra: {
          session: {
            set_denormal_as_zero: "1",
            disable_prepacking: prepack ? "0" : "1",
            ...(model.folder === undefined ? {} : { model_external_initializers_file_folder_path: model.folder }),
          },
        },
      },
      { carried },
    ),
};

/** ONNX Runtime's CUDA provider, on the first device that CUDA_VISIBLE_DEVICES shows. Outputs come back to the host after each run. */
export const cuda: Runtime = {
  provider: "cuda",
  open: (model, { carried } = {}) =>
    openSession(own, model, { ...onGpuOnly, executionProviders: ["cuda"] }, { carried }),
};

/** ONNX Runtime's WebGPU provider in Node, through Vulkan. Carried tensors stay on the GPU. */
export const webgpu: Runtime = {
  provider: "webgpu",
  open: (model, { carried } = {}) =>
    openSession(
      own,
      model,
      { ...onGpuOnly, executionProviders: ["webgpu"] },
      { carried, onDevice: true, read: readByIdentity },
    ),
};

let reader: Promise<ort.InferenceSession> | undefined;

/** A GPU tensor's copy on the host. A model copies it, because `getData` ends the process in Node. */
async function readByIdentity(x: OrtTensor): Promise<OrtTensor> {
  reader ??= ort.InferenceSession.create(identityModel(), {
    ...onGpuOnly,
    executionProviders: ["webgpu"],
  });
  const { y } = await (await reader).run({ x: x as ort.Tensor });
  return y as OrtTensor;
}
