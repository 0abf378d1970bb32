import { RuntimeFailure } from "../util/errors.ts";
import { common, type Ort, type OrtTensor, onGpuOnly, openSession, type Runtime } from "./session.ts";

/** Any of onnxruntime-web's entries. */
export type OrtWeb = {
  readonly env: {
    readonly wasm: { numThreads?: number };
    readonly webgpu?: { readonly device?: Promise<{ readonly lost?: Promise<unknown> }> };
  };
};

/** ONNX Runtime's WebAssembly build. The `threads` of the first session hold for all: the module starts only once. */
export const wasmOf = (ort: OrtWeb): Runtime => ({
  provider: "wasm",
  open: (model, { threads, carried } = {}) => {
    if (threads) ort.env.wasm.numThreads = threads;
    return openSession(ort as unknown as Ort, model, { ...common, executionProviders: ["wasm"] }, { carried });
  },
});

/** ONNX Runtime's WebGPU provider in a browser. Carried tensors stay on the GPU; a node that cannot run there is an error. */
export const webgpuOf = (ort: OrtWeb): Runtime => ({
  provider: "webgpu",
  open: (model, { carried } = {}) =>
    openSession(
      ort as unknown as Ort,
      model,
      { ...onGpuOnly, executionProviders: ["webgpu"] },
      { carried, onDevice: true, read: readDirectly },
    ).catch(async (error: unknown) => {
      // Of a device that is gone already, ONNX Runtime says a number only.
      throw (await isLost(ort))
        ? new RuntimeFailure("the graphics device was lost before the model was opened")
        : error;
    }),
});

/** Whether the graphics device that sessions share is gone. */
async function isLost({ env }: OrtWeb): Promise<boolean> {
  const soon = new Promise<false>((resolve) => setTimeout(() => resolve(false), 100));
  const lost = async () => {
    const device = await env.webgpu?.device;
    return device?.lost ? device.lost.then(() => true) : false;
  };
  return Promise.race([lost().catch(() => false), soon]);
}

/** A GPU tensor's copy on the host. */
async function readDirectly(x: OrtTensor): Promise<Pick<OrtTensor, "type" | "dims" | "data">> {
  const data = (await x.getData()) as OrtTensor["data"];
  return { type: x.type, dims: x.dims, data };
}
