/** @file From the end of a training to its files and its record. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Checkpoint, writeCheckpoint } from "../../checkpoint/checkpoint.ts";
import { writeTrainingState } from "../../checkpoint/trainingState.ts";
import { configToJson } from "../../config/json.ts";
import { writeWhole } from "../../data/files.node.ts";
import { withChance } from "../../evaluate/chance/withChance.ts";
import { evaluate } from "../../evaluate/evaluate.ts";
import { withTruth } from "../../evaluate/truth/withTruth.ts";
import { vectorsPath, writeFrozen } from "../../export/files.node.ts";
import { freeze, type Part } from "../../export/freeze.ts";
import { freezeWithVectors } from "../../export/vectors/vectors.ts";
import { describedKeys } from "../../metrics/index.ts";
import type { SaeRecord } from "../../record/record.ts";
import { trainedRecord } from "../../record/trained.ts";
import { providers } from "../../runtime/providers.node.ts";
import { finishedTensors } from "../../train/finished.ts";
import { tf32Here } from "../../train/process/contactMemory.node.ts";
import type { TrainProgress } from "../../train/train.ts";
import { readIfThere, statePath } from "../existing.node.ts";
import { checkpointPath, type Entry, type GridPlan } from "./plan.node.ts";
import type { GridRun } from "./request.ts";
import { seal } from "./seal.node.ts";
import { countsThreads } from "./share.ts";

/** A training between two runs, as it is saved. */
export function checkpointOf(
  { run: { provider }, origin, data: { info, layer, position } }: GridPlan,
  { config, threads }: Entry,
  { state: tensors, epochsDone, loss, resampled, within }: TrainProgress,
): Checkpoint {
  const how = countsThreads(provider) ? { threads } : { tf32: provider === "cuda" ? tf32Here() : undefined };
  const trained = { config, tensors, epochsDone, loss, resampled, within, ...how };
  return { ...trained, layer, position, origin, dataDigest: info.digest, metrics: {} };
}

/** The same back again. */
export const progressOf = ({ tensors: state, epochsDone, loss, resampled, within }: Checkpoint): TrainProgress => ({
  ...{ state, epochsDone, loss, resampled, within },
});

/** Writes where a training is. */
export const saveCheckpoint = ({ run }: GridPlan, name: string, checkpoint: Checkpoint): Promise<void> =>
  writeWhole(checkpointPath(run, name), writeCheckpoint(checkpoint));

/** Freezes and measures an SAE whose training is over, and writes all its files. Gives its record. */
export async function finishSae(
  plan: GridPlan,
  entry: Entry,
  trained: TrainProgress & { readonly seconds: number },
): Promise<SaeRecord> {
  const { run, data } = plan;
  const {
    name,
    config,
    kept: { leftOut },
  } = entry;
  const { provider, keepState = true } = run;
  const { threads } = plan.share;
  const ended = checkpointOf(plan, entry, trained);
  const unmeasured: Checkpoint = { ...ended, tensors: finishedTensors(config, trained.state) };
  const runtime = await providers[provider].load();
  const model = freeze(unmeasured, "autoencoder");
  const measured = await evaluate(runtime, model, data.evaluation, { file: name, threads });
  const compared = await withChance(runtime, measured, data.evaluation, { threads, sessions: run.sweep?.sessions });
  const evaluation = await withTruth(runtime, model, compared, data.truth, data.evaluation.validation, { threads });
  const checkpoint = { ...unmeasured, metrics: evaluation.metrics };
  await writeParts(run, name, checkpoint, frozenParts);
  await writeWhole(join(run.out, `${name}.latents.json`), latentsJson(evaluation.latents));
  const statesAt = statePath(checkpointPath(run, name));
  if (keepState) await writeWhole(statesAt, writeTrainingState(checkpoint, trained.state));
  else await rm(statesAt, { force: true });
  // The checkpoint is last: once it says finished, everything else is there.
  await saveCheckpoint(plan, name, checkpoint);
  const record = trainedRecord({ ...checkpoint, name, provider, leftOut, seconds: trained.seconds }, evaluation);
  if (run.sweep) await seal(run.out, name, record);
  return record;
}

const frozenParts = ["encoder", "autoencoder"] as const;
const frozenPath = ({ out }: GridRun, name: string, part: string): string => join(out, `${name}.${part}.onnx`);

async function writeParts(run: GridRun, name: string, checkpoint: Checkpoint, parts: readonly Part[]): Promise<void> {
  for (const [part, frozen] of await freezeWithVectors(checkpoint, parts))
    await writeFrozen(frozenPath(run, name, part), frozen);
}

/** The record of an SAE that is finished already; frozen files that are missing are written again. */
export async function reuse(
  { run }: GridPlan,
  { name, threads, kept: { leftOut } }: Entry,
  checkpoint: Checkpoint,
  known: SaeRecord | undefined,
): Promise<SaeRecord> {
  const missing: Part[] = [];
  for (const part of frozenParts) {
    const path = frozenPath(run, name, part);
    if (!(await readIfThere(path)) || !(await readIfThere(vectorsPath(path)))) missing.push(part);
  }
  if (missing.length > 0) await writeParts(run, name, checkpoint, missing);
  if (known) return { ...known, config: configToJson(checkpoint.config) };
  const { metrics } = checkpoint;
  const splits = Object.fromEntries(
    Object.keys(metrics).map((key) => [key, describedKeys[key]?.split ?? "validation"]),
  );
  return trainedRecord(
    { ...checkpoint, name, provider: run.provider, threads, leftOut, seconds: null },
    { metrics, nullReasons: {}, splits },
  );
}

/** Per-latent numbers as JSON, in the seven digits that float32 has. */
const latentsJson = (latents: Readonly<Record<string, Float64Array>>): string =>
  `${JSON.stringify(Object.fromEntries(Object.entries(latents).map(([key, values]) => [key, Array.from(values, (v) => Number(v.toPrecision(7)))])))}\n`;
