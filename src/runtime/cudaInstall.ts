/** The command that gets the CUDA libraries, in the version of the installed onnxruntime-node. */
export const installCuda = "sae-onnx doctor --install-cuda";
