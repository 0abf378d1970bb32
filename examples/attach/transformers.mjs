// A model with an SAE attached, loaded by Hugging Face's transformers.js from a folder: tokenizer, model and latents in one call.
// It is not among this project's dependencies (470 MB with its own runtimes). Run, in a folder of your own, without a network from then on:
//   ONNXRUNTIME_NODE_INSTALL=skip npm install @huggingface/transformers@4.3.1
//   npm run -s build && node examples/attach/transformers.mjs THAT_FOLDER
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { attach, buildModel, cpu, freeze, input, op, packModel, scope, tensor, trainConfig, trainOn } from "sae-onnx";

const folderOf = resolve(process.argv[2] ?? ".");
const { AutoModel, AutoTokenizer, env, Tensor } = (() => {
  try {
    return createRequire(join(folderOf, "package.json"))("@huggingface/transformers");
  } catch (error) {
    console.error(
      `${folderOf}: @huggingface/transformers is not installed there (${error.code}); see the top of this file`,
    );
    process.exit(1);
  }
})();

// 1. A model as an exporter would leave it: token ids in, hidden states out; its tokenizer; its config.
const words = "[UNK] the a cat dog bird sat ran flew on under over mat tree house red old small and then".split(" ");
const width = 16;
const matrix = (rows, columns, seed) =>
  op.constant(
    tensor(
      "float32",
      [rows, columns],
      Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i * seed + i)),
    ),
  );
const input_ids = input("int64", ["batch", "seq"]);
const embedded = op.gather(matrix(words.length, width, 1), input_ids);
const stream = scope("layer0", () => op.add(embedded, op.relu(op.matMul(embedded, matrix(width, width, 2)))));
const last_hidden_state = op.tanh(op.matMul(stream, matrix(width, width, 3)));
const model = packModel(buildModel({ inputs: { input_ids }, outputs: { last_hidden_state } })).bytes;

// 2. An SAE of the stream "layer0/Add_0", and the two as one model.
const text = Array.from({ length: 64 * 8 }, (_, i) => BigInt(1 + ((i * 7 + (i % 5)) % (words.length - 1))));
const inner = await cpu.open(packModel(buildModel({ inputs: { input_ids }, outputs: { stream } })));
const seen = (await inner.run({ input_ids: tensor("int64", [64, 8], BigInt64Array.from(text)) })).stream;
const config = trainConfig({ inputDim: width, latentDim: 32, epochs: 30, batchSize: 64, options: { k: 3 } });
const { state, loss } = await trainOn(cpu, config, tensor("float32", [64 * 8, width], seen.data));
const checkpoint = {
  config,
  tensors: state,
  epochsDone: 30,
  loss,
  dataDigest: "",
  layer: 0,
  position: null,
  metrics: {},
};
const attached = attach(
  { bytes: model, file: "model.onnx" },
  { model: freeze(checkpoint, "autoencoder"), file: "sae.autoencoder.onnx" },
  { tensor: "layer0/Add_0", steer: true },
);

// 3. The folder transformers.js reads: config.json, tokenizer.json, tokenizer_config.json, onnx/model.onnx.
const folder = mkdtempSync(join(tmpdir(), "attached-"));
mkdirSync(join(folder, "tiny", "onnx"), { recursive: true });
writeFileSync(join(folder, "tiny", "onnx", "model.onnx"), attached.bytes);
const files = {
  "config.json": { model_type: "bert", architectures: ["BertModel"], hidden_size: width, vocab_size: words.length },
  "tokenizer_config.json": { tokenizer_class: "PreTrainedTokenizerFast", unk_token: "[UNK]", model_max_length: 64 },
  "tokenizer.json": {
    ...{ version: "1.0", added_tokens: [], post_processor: null, decoder: null },
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Whitespace" },
    model: { type: "WordLevel", unk_token: "[UNK]", vocab: Object.fromEntries(words.map((word, i) => [word, i])) },
  },
};
for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, "tiny", name), JSON.stringify(content));

// 4. As any of its models; what is attached comes among the outputs, `sae_steer` goes among the inputs.
Object.assign(env, { allowRemoteModels: false, localModelPath: folder, useFSCache: false });
const tokenizer = await AutoTokenizer.from_pretrained("tiny");
const loaded = await AutoModel.from_pretrained("tiny", { dtype: "fp32" });
const tokens = tokenizer("the old cat sat on the mat");
const steer = (latent, by) =>
  new Tensor(
    "float32",
    Float32Array.from({ length: 32 }, (_, i) => (i === latent ? by : 0)),
    [32],
  );
const outputs = await loaded({ ...tokens, sae_steer: steer(0, 0) });
for (const [at, id] of tokens.input_ids.tolist()[0].entries()) {
  const kept = [0, 1, 2].map((i) => {
    const value = outputs.sae_top_values.data[3 * at + i];
    return `${outputs.sae_top_indices.data[3 * at + i]} (${value.toFixed(2)})`;
  });
  console.log(`${words[Number(id)]}: latents ${kept.join(", ")}`);
}

// The same without transformers.js: the model as it was, and its stream encoded by itself.
const alone = await (await cpu.open({ bytes: model, external: [] })).run({
  input_ids: tensor("int64", tokens.input_ids.dims, tokens.input_ids.data),
});
const same = alone.last_hidden_state.data.every((value, i) => value === outputs.last_hidden_state.data[i]);
const steered = await loaded({ ...tokens, sae_steer: steer(Number(outputs.sae_top_indices.data[0]), 5) });
const moved = steered.last_hidden_state.data.some((value, i) => value !== alone.last_hidden_state.data[i]);
console.log(`latents [${outputs.sae_latents.dims}], hidden states unchanged: ${same}, changed by sae_steer: ${moved}`);
rmSync(folder, { recursive: true });
