// Trains one SAE in this process and measures it: the counterpart of train_topk.py. Prints one JSON object.
// Run: node bench/train_one.mjs DATA latentDim k [epochs] [step] [preset]
import { cpu, evaluate, freeze, readActivations, splitRows, takeRows, train, trainConfig } from "sae-onnx";

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

const started = performance.now();
const { state } = await train(cpu, config, training);
const milliseconds = performance.now() - started;
const steps = epochs * Math.ceil(rows / config.batchSize);
const peak_mb = Math.round(process.resourceUsage().maxRSS / 1024);

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
console.log(
  JSON.stringify({
    ...{
      step: config.step,
      latent_dim: config.latentDim,
      k: config.options.k,
      ms_per_step: milliseconds / steps,
      peak_mb,
    },
    ...{
      explained_variance: metrics.explained_variance,
      feature_death_rate: metrics.feature_death_rate,
      evaluation_rows_per_s,
    },
  }),
);
