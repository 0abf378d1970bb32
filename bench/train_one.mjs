// Trains one SAE in this process and measures it, and the floor of its step (floor.mjs): the counterpart of train_topk.py. Prints one
// JSON object. Run: node --expose-gc bench/train_one.mjs DATA latentDim k [epochs] [step] [preset]
import { cpu, evaluate, freeze, readActivations, splitRows, takeRows, train, trainConfig } from "sae-onnx";
import { activeCounter, floorOf } from "./floor.mjs";

const [file, latentDim, k, epochs = 25, step, preset] = process.argv.slice(2);
const set = await readActivations(file);
const split = splitRows(set);
const [training, validation] = [takeRows(set.activations, split.train), takeRows(set.activations, split.validation)];
const [rows, inputDim] = training.dims;
const config = trainConfig({
  inputDim,
  latentDim: +latentDim,
  options: { k: +k },
  epochs: +epochs,
  step: step || undefined,
  preset,
});
const { batchSize } = config;

/** Some rows from all over the training set, as a shuffled batch has them. */
const stride = Math.floor(rows / batchSize);
const samples = [0, Math.floor(stride / 2)].map((from) =>
  takeRows(
    training,
    Uint32Array.from({ length: batchSize }, (_, i) => from + i * stride),
  ),
);
const activeIn = await activeCounter({ inputDim, k: +k });
/**
 * After each epoch from the fourth on (a look takes a copy of the state: the most memory of a training is known by then; the first
 * three count as the fourth): latents in a batch (mean of two), and latents whose rows are carried.
 */
const lookFrom = Math.min(4, epochs);
const seen = { active: [], live: [] };
let [looking, peak_mb] = [0, 0];
const peak = () => Math.round(process.resourceUsage().maxRSS / 1024);
async function onRun(progress) {
  if (24 * config.latentDim * inputDim >= 2 ** 25) globalThis.gc?.(); // as the training process does
  const { epochsDone } = progress;
  if (epochsDone < lookFrom) return true;
  const from = performance.now();
  peak_mb ||= peak();
  const { state } = progress;
  const counts = [await activeIn(state, samples[0]), await activeIn(state, samples[1])];
  const moving = (latent) =>
    state["m.W_enc"].data.subarray(latent * inputDim, (latent + 1) * inputDim).some((m) => m !== 0);
  const live = Array.from({ length: config.latentDim }, (_, i) => moving(i)).filter(Boolean).length;
  while (seen.live.length < epochsDone) {
    seen.active.push((counts[0] + counts[1]) / 2);
    seen.live.push(live);
  }
  looking += performance.now() - from;
  return true;
}

const started = performance.now();
const { state } = await train(cpu, config, training, { onRun });
const milliseconds = performance.now() - started - looking;
const perEpoch = Math.ceil(rows / batchSize);
const ms_per_step = milliseconds / (epochs * perEpoch);
peak_mb ||= peak();

const checkpoint = {
  config,
  tensors: state,
  epochsDone: config.epochs,
  loss: [],
  dataDigest: "",
  layer: null,
  position: null,
  metrics: {},
};
const evaluating = performance.now();
const { metrics } = await evaluate(cpu, freeze(checkpoint, "autoencoder"), { train: training, validation });
const evaluation_rows_per_s = Math.round(set.activations.dims[0] / ((performance.now() - evaluating) / 1000));

const mean = (list) => list.reduce((sum, one) => sum + one, 0) / list.length;
const [active, live] = [mean(seen.active), mean(seen.live)];
const fill = rows / (perEpoch * batchSize);
const floor = await floorOf({ batch: batchSize, inputDim, latentDim: +latentDim, active, live, fill });
console.log(
  JSON.stringify({
    ...{ step: config.step, latent_dim: config.latentDim, k: config.options.k, ms_per_step, peak_mb },
    floor: { active, live, ...floor, ratio: ms_per_step / floor.ms },
    ...{
      explained_variance: metrics.explained_variance,
      feature_death_rate: metrics.feature_death_rate,
      evaluation_rows_per_s,
    },
  }),
);
