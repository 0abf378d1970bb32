// Trains four epochs of 20 steps; prints the milliseconds of a step (all epochs but the first, which is a run of its own) and the process's peak memory as JSON.
// Run: node --expose-gc bench/scale_one.mjs DATA latentDim k [threads]
import { cpu, readActivations, takeRows, trainConfig, trainOn } from "sae-onnx";
import { betweenRuns } from "../dist/train/runs/betweenRuns.js";

const [file, latentDim, k, threads] = process.argv.slice(2);
const steps = 20;
const { activations } = await readActivations(file);
const config = trainConfig({ inputDim: activations.dims[1], latentDim: +latentDim, options: { k: +k }, epochs: 4 });
const training = takeRows(
  activations,
  Uint32Array.from({ length: steps * config.batchSize }, (_, row) => row),
);
const runs = [];
async function onRun({ epochsDone }) {
  await betweenRuns(config);
  return runs.push({ epochsDone, ended: performance.now() }) > 0;
}
const { loss } = await trainOn(cpu, config, training, {
  threads: threads && +threads,
  epochsPerRun: 1,
  onPause: () => betweenRuns(config),
  onRun,
});
const [first, last] = [runs[0], runs.at(-1)];
console.log(
  JSON.stringify({
    step: config.step,
    ms_per_step: (last.ended - first.ended) / ((last.epochsDone - first.epochsDone) * steps),
    peak_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    loss: loss.at(-1),
  }),
);
