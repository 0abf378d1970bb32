// Trains four epochs of 20 steps; prints the milliseconds of a step (median of the epochs but the first) and the process's peak memory as JSON.
// Run: node --expose-gc bench/scale_one.mjs DATA latentDim k [threads]
import { cpu, readActivations, takeRows, train, trainConfig } from "sae-onnx";

const [file, latentDim, k, threads] = process.argv.slice(2);
const steps = 20;
const { activations } = await readActivations(file);
const config = trainConfig({ inputDim: activations.dims[1], latentDim: +latentDim, options: { k: +k }, epochs: 4 });
const training = takeRows(
  activations,
  Uint32Array.from({ length: steps * config.batchSize }, (_, row) => row),
);
const ends = [];
function onRun() {
  globalThis.gc?.(); // as the training process does
  return Promise.resolve(ends.push(performance.now()) > 0);
}
/** The middle one of three. */
const median = (numbers) => numbers.toSorted((a, b) => a - b)[1];
const { loss } = await train(cpu, config, training, { threads: threads && +threads, epochsPerRun: 1, onRun });
console.log(
  JSON.stringify({
    step: config.step,
    ms_per_step: median([1, 2, 3].map((i) => (ends[i] - ends[i - 1]) / steps)),
    peak_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    loss: loss.at(-1),
  }),
);
