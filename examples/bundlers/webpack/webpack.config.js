import { fileURLToPath } from "node:url";

/** Nothing here is for sae-onnx. */
export default {
  mode: process.argv[2] ?? "production",
  context: fileURLToPath(new URL(".", import.meta.url)),
  entry: "./main.js",
  output: { path: fileURLToPath(new URL("dist", import.meta.url)) },
};
