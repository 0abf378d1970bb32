// Trains one SAE in this process and measures it, and the floor of its step (floor.mjs): the counterpart of train_topk.py. Prints one
// JSON object. Run: node --expose-gc bench/train_one.mjs DATA latentDim k [epochs] [all|time] [step] [preset]; `time` trains and no more.
import { cpu, evaluateOn, freeze, readActivations, splitRows, takeRows, trainConfig, trainOn } from "sae-onnx";
import { betweenRuns } from "../dist/train/runs/betweenRuns.js";
import { activeCounter, floorOf } from "./floor.mjs";

const [file, latentDim, k, epochs = 25, what = "all", step, preset] = process.argv.slice(2);
/** Copies: nothing else of the file stays in memory. */
async function rowsOf(file) {
  const set = await readActivations(file);
  const { train, validation } = splitRows(set);
  return [takeRows(set.activations, train), takeRows(set.activations, validation)];
}
const [training, validation] = await rowsOf(file);
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

// Timed first, alone: a second session between its runs would leave its threads and caches behind.
const peak = () => Math.round(process.resourceUsage().maxRSS / 1024);
const started = performance.now();
const { state } = await trainOn(cpu, config, training, {
  onPause: () => betweenRuns(config),
  onRun: async () => {
    await betweenRuns(config);
    return true;
  },
});
const milliseconds = performance.now() - started;
const peak_mb = peak();

const perEpoch = Math.ceil(rows / batchSize);
const ms_per_step = milliseconds / (epochs * perEpoch);
if (what === "time") {
  console.log(JSON.stringify({ ms_per_step, peak_mb }));
  process.exit();
}

/** Some rows from all over the training set, as a shuffled batch has them. */
const stride = Math.floor(rows / batchSize);
const samples = [0, Math.floor(stride / 2)].map((from) =>
  takeRows(
    training,
    Uint32Array.from({ length: batchSize }, (_, i) => from + i * stride),
  ),
);
const activeIn = await activeCounter({ inputDim, k: +k });
/** Once more, looking after each epoch: latents in a batch (mean of two), and latents whose rows are carried. */
const seen = { active: [], live: [] };
await trainOn(cpu, config, training, {
  onRun: async ({ state, epochsDone }) => {
    const counts = [await activeIn(state, samples[0]), await activeIn(state, samples[1])];
    const moves = (latent) => {
      for (let i = latent * inputDim; i < (latent + 1) * inputDim; i++) if (state["m.W_enc"].data[i] !== 0) return true;
      return false;
    };
    let live = 0;
    for (let latent = 0; latent < config.latentDim; latent++) if (moves(latent)) live++;
    // A run may have several epochs: those count as its last.
    while (seen.live.length < epochsDone) {
      seen.active.push((counts[0] + counts[1]) / 2);
      seen.live.push(live);
    }
    await betweenRuns(config);
    return true;
  },
});

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
const { metrics } = await evaluateOn(cpu, freeze(checkpoint, "autoencoder"), { train: training, validation });
const evaluation_rows_per_s = Math.round((rows + validation.dims[0]) / ((performance.now() - evaluating) / 1000));

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
