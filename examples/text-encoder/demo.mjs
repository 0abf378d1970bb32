/**
 * Makes what the browser page shows first: an SAE of the text encoder's `blocks.0`, trained on every token of the texts of examples/data,
 * and what it makes of the tokens of some of these texts. The page opens with the latter, so that it needs no engine for it.
 *
 * Run: npm run -s build && npm ci --prefix examples/text-encoder
 *      node examples/text-encoder/demo.mjs [--out src/web/public/demo.safetensors] [--model models/use-lite-blocks0_d512_k8.autoencoder.onnx]
 */
import { parseArgs } from "node:util";
import { Tokenizer } from "@huggingface/tokenizers";
import { readLabels } from "../../dist/data/files.node.js";
import { encodeRows } from "../../dist/features/codes.js";
import { codesFile } from "../../dist/features/codesFile.js";
import {
  buildModel,
  cpu,
  freeze,
  packModel,
  tensor,
  train,
  trainConfig,
  writeModel,
  writeWhole,
} from "../../dist/node.js";
import { useLite } from "./model.mjs";
import { readVocabulary, readWeights } from "./published.mjs";
import { longest, tokenizerOf } from "./tokenizer.mjs";

const embedded = "examples/data/use-lite-resid0-pos3.safetensors";
const [rows, width, hook] = [7473, 512, "blocks.0"];
/** Texts that train, and those of them that the page shows. */
const [trained, shown] = [3000, 350];
const settings = { architecture: "topk-relu", preset: "recommended", latentDim: 512, epochs: 12, options: { k: 8 } };

/** The stream at every token of some texts, one text after the other, [tokens, width]. */
async function streamOf(session, texts) {
  const found = new Float32Array(texts.reduce((sum, { ids }) => sum + ids.length, 0) * width);
  let at = 0;
  for (const { ids } of texts) {
    const of = (values) => tensor("int64", [1, ids.length], BigInt64Array.from(values, BigInt));
    const { [hook]: stream } = await session.run({ input_ids: of(ids), attention_mask: of(ids.map(() => 1)) });
    found.set(stream.data, at);
    at += stream.data.length;
  }
  return tensor("float32", [found.length / width, width], found);
}

async function main() {
  const options = {
    out: { type: "string", default: "src/web/public/demo.safetensors" },
    model: { type: "string", default: "models/use-lite-blocks0_d512_k8.autoencoder.onnx" },
  };
  const { out, model } = parseArgs({ options }).values;
  const tokenizer = new Tokenizer(tokenizerOf(await readVocabulary()), {});
  const labels = (await readLabels(embedded, rows)).slice(0, trained);
  const texts = labels.map(({ text }) => ({ text, ids: tokenizer.encode(text).ids.slice(0, longest) }));
  const draft = useLite(await readWeights());
  const encoder = buildModel({ ...draft, outputs: { [hook]: draft.values[hook] }, values: {} });
  const session = await cpu.open(packModel(encoder));
  const activations = await streamOf(session, texts);
  const config = trainConfig({ ...settings, inputDim: width });
  const { state, epochsDone, loss } = await train(config, activations, { provider: "cpu" });
  const about = { config, tensors: state, epochsDone, loss, dataDigest: "", layer: 0, position: null, metrics: {} };
  const sae = freeze(about, "autoencoder");
  await writeModel(model, sae);

  const few = texts.slice(0, shown);
  const tokens = few.map(({ ids }) => ids.map((id) => tokenizer.id_to_token(id).replaceAll("▁", " ")));
  const count = tokens.reduce((sum, all) => sum + all.length, 0);
  const some = tensor("float32", [count, width], activations.data.slice(0, count * width));
  const codes = await encodeRows(cpu, sae, some);
  const said = {
    name: "demo",
    about: `${settings.latentDim} latents trained on ${activations.dims[0].toLocaleString("en")} tokens of Universal Sentence Encoder Lite, after its first layer`,
    source: "glosses of WordNet 3.1",
  };
  await writeWhole(out, await codesFile(codes, tokens, said));
  console.log(`${model}\n${out}: ${count} tokens of ${shown} texts, loss ${loss.at(-1).toPrecision(3)}`);
}

main().catch((error) => {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
});
