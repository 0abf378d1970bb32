import { synthesize } from "../../dist/data/synthetic/synthesize.js";
import { plainLatents } from "../../dist/export/vectors/forward.js";
import { tie } from "../../dist/export/vectors/rows.js";
import { formats, importSae } from "../../dist/formats/index.js";
import { readActivations, tensor, train, trainConfig } from "../../dist/node.js";
import { sliceRows } from "../../dist/util/tensor.js";

const embedded = "examples/data/use-lite-resid0-pos3.safetensors";
const inputDim = 512;

/** Kinds of rows and their shares. */
const shares = { standIn: 0.3, ties: 0.1, zeros: 0.01, huge: 0.05, tiny: 0.05 };
const [huge, tiny] = [1e15, 1e-15];

/** SAEs of every kind, of the embedded activations' width: trained for a few epochs, or in another library's files and imported. */
export async function makeSaes({ latentDim, epochs }) {
  const { activations } = await readActivations(embedded);
  const rows = sliceRows(activations, 0, Math.min(5978, 16 * latentDim));
  const trained = async (request) => {
    const config = trainConfig({ inputDim, latentDim, epochs, ...request });
    const { state, loss } = await train(config, rows);
    const names = ["W_enc", "b_enc", "W_dec", "b_dec"].filter((name) => state[name]);
    const tensors = Object.fromEntries(names.map((name) => [name, state[name]]));
    return { config, tensors, loss, epochsDone: epochs, dataDigest: "", layer: null, position: null, metrics: {} };
  };
  const report = await trained({ options: { k: 20 } });
  const original = await trained({ preset: "original", options: { k: 5 } });
  const relu = await trained({ architecture: "topk-relu", options: { k: 20 } });
  return {
    "topk report, k 20": report,
    "topk report, k 100": await trained({ options: { k: 100 } }),
    "topk original, k 5": original,
    "topk-relu, k 20": relu,
    "sparsify signed, k 5, imported": imported(signed(original)),
    "SAELens JumpReLU, imported": imported(formats.saelens.write(as("pretrained-jumprelu", relu), "saelens")),
    "SAELens ReLU, imported": imported(formats.saelens.write(as("pretrained-relu", relu), "saelens")),
  };
}

/** The weights of another SAE, read as JumpReLU's or ReLU's; the thresholds differ from latent to latent. */
function as(architecture, { config, tensors, ...rest }) {
  const { latentDim } = config;
  const threshold = Float32Array.from({ length: latentDim }, (_, latent) => 0.2 + (latent % 7) / 10);
  return {
    ...rest,
    config: trainConfig({
      architecture,
      preset: "saelens",
      inputDim,
      latentDim,
      epochs: 0,
      options: { inputBias: true },
    }),
    tensors: architecture.endsWith("jumprelu")
      ? { ...tensors, threshold: tensor("float32", [latentDim], threshold) }
      : tensors,
  };
}

/** The files of a `topk` SAE as sparsify had them in 2024, with signs: no version writes such files any more. */
function signed({ config, ...rest }) {
  const { latentDim, options } = config;
  const request = { architecture: "pretrained-topk", preset: "sparsify", inputDim, latentDim, epochs: 0 };
  const unsigned = { ...rest, config: trainConfig({ ...request, options: { k: options.k } }) };
  const files = formats.sparsify.write(unsigned, "sparsify");
  return { ...files, "cfg.json": JSON.stringify({ ...JSON.parse(files["cfg.json"]), signed: true }) };
}

/** Files of a format, read. */
function imported(files) {
  const text = new TextEncoder();
  const bytes = Object.entries(files).map(([name, content]) => [
    name,
    typeof content === "string" ? text.encode(content) : content,
  ]);
  return importSae({ path: "files", files: new Map(bytes) });
}

/**
 * So many rows for an SAE: the embedded activations, a synthetic stand-in, rows at which the last latent kept and the next are nearly
 * tied, zeros, and rows of huge and of tiny magnitude.
 */
export async function rowsFor(count) {
  const { activations } = await readActivations(embedded);
  const counts = Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, Math.round(share * count)]));
  const real = count - Object.values(counts).reduce((sum, one) => sum + one, 0);
  if (real > activations.dims[0]) throw new Error(`${count} rows need more than there are; ask for fewer`);
  const standIn = synthesize({ rows: counts.standIn, inputDim, features: inputDim }).activations;
  const taken = (from, rows, change = (v) => v) => sliceRows(activations, from, from + rows).data.map(change);
  return (config, weights) => {
    const near = sliceRows(activations, 0, counts.ties);
    const tied = plainLatents(config, weights, near).map((row, at) =>
      tie(weights, near.data.slice(at * inputDim, (at + 1) * inputDim), row),
    );
    const kinds = [
      taken(0, real),
      standIn.data,
      ...tied,
      new Float32Array(counts.zeros * inputDim),
      taken(real - counts.huge, counts.huge, (v) => huge * v),
      taken(real - counts.tiny, counts.tiny, (v) => tiny * v),
    ];
    const data = new Float32Array(count * inputDim);
    let at = 0;
    for (const kind of kinds) {
      data.set(kind, at);
      at += kind.length;
    }
    return tensor("float32", [count, inputDim], data);
  };
}
