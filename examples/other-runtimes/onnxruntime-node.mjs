// onnxruntime-node, of the version that the argument names: a package of this folder, or else the repository's.
import { createRequire } from "node:module";
import { loadWith } from "./ort.mjs";
import { serve } from "./serve.mjs";

const require = createRequire(import.meta.url);
const name = process.argv[2] ?? "onnxruntime-node";

await serve(() => ({
  name: `onnxruntime-node ${require(`${name}/package.json`).version}`,
  load: loadWith(require(name)),
}));
