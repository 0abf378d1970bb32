/** Fetches the CUDA libraries of exactly the installed version; the verb finds onnxruntime-node wherever it is. */
export const installCuda = "sae-onnx doctor --install-cuda";
