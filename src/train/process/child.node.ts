/**
 * @file The training process. A run of ONNX Runtime blocks its thread, so training has a process of its own.
 * It can be stopped between runs and killed within one. `TrainingProcess` starts it and sends it messages.
 */

import type { TrainConfig } from "../../config/config.ts";
import { Prefetch } from "../../data/prefetch.node.ts";
import { RowSpans } from "../../data/rowSpans.ts";
import { IdleSessions } from "../../runtime/idleSessions.ts";
import { providers } from "../../runtime/providers.node.ts";
import type { Runtime } from "../../runtime/session.ts";
import { sizeOf, tensor } from "../../util/tensor.ts";
import type { ResidentRows } from "../rows.ts";
import { betweenRuns } from "../runs/betweenRuns.ts";
import { residentRows, streamedRows, type TrainingRows } from "../runs/rows.ts";
import { type TrainProgress, train } from "../train.ts";
import { rememberContact, rememberedContact, tf32Here } from "./contactMemory.node.ts";
import { type FirstContact, firstContact } from "./firstContact.ts";
import type { FromChild, ToChild } from "./messages.ts";

const empty = (dims: readonly number[]) => tensor("float32", dims, new Float32Array(sizeOf(dims)));
let rows: ResidentRows = { activations: empty([0, 0]) };
let source: TrainingRows | undefined;
let readers: readonly Prefetch[] = [];
/** Seconds that the present training has waited for its rows. */
let waited = 0;
let stopping = false;
const sessions = new IdleSessions();

const send = (message: FromChild) =>
  new Promise<void>((resolve, reject) => {
    process.send?.(message, undefined, undefined, (error) => (error ? reject(error) : resolve()));
  });

/** Milliseconds between two news of how far a training is. */
const quiet = 100;

async function run({
  config,
  provider,
  from,
  start,
  threads,
  epochsPerRun,
  snapshotSeconds,
}: Extract<ToChild, { type: "train" }>): Promise<void> {
  const runtime = await providers[provider].load();
  const contact = provider === "cuda" ? await contactOnce(runtime, config) : undefined;
  const started = performance.now();
  let lastSnapshot = started;
  stopping = false;
  waited = 0;
  const snapshot = async (now: TrainProgress) => {
    if (performance.now() - lastSnapshot <= snapshotSeconds * 1000) return;
    await send({ type: "snapshot", progress: await sendState(now) });
    lastSnapshot = performance.now();
  };
  let lastNews = 0;
  const tell = async (message: FromChild) => {
    if (performance.now() - lastNews < quiet) return;
    lastNews = performance.now();
    await send(message);
  };
  const progress = await train(runtime, config, source ?? rows, {
    from,
    start,
    threads,
    epochsPerRun,
    sessions,
    async onPause(epochsDone, now) {
      await tell({ type: "pause", epochsDone });
      if (now) await snapshot(now);
      await betweenRuns(config);
    },
    async onRun(now) {
      await tell({ type: "epoch", epochsDone: now.epochsDone, loss: now.loss.at(-1)! });
      if (now.epochsDone < config.epochs) await snapshot(now);
      await betweenRuns(config);
      return !stopping;
    },
  });
  const seconds = (performance.now() - started) / 1000;
  await send({ type: "done", progress: await sendState(progress), seconds, waited, contact });
}

/** Sends the state, and returns the rest of the progress. */
async function sendState({ state, ...rest }: TrainProgress) {
  for (const [name, tensor] of Object.entries(state)) await send({ type: "tensor", name, tensor });
  return rest;
}

/** Compares the first training on a GPU with the CPU's, once per machine. */
async function contactOnce(runtime: Runtime, config: TrainConfig): Promise<FirstContact> {
  const known = rememberedContact(runtime.provider);
  if (known) return known;
  // Rows are copied, because `sample` lends them for this call only.
  const some = await (source ?? residentRows(rows)).sample(config, ({ activations, targets }) => ({
    activations: { ...activations, data: activations.data.slice() },
    targets: targets && { ...targets, data: targets.data.slice() },
  }));
  const contact = await firstContact(runtime, await providers.cpu.load(), config, some, tf32Here());
  await rememberContact(contact);
  return contact;
}

process.on("message", (message: ToChild) => {
  if (message.type === "stop") stopping = true;
  else if (message.type === "data") {
    const { dims, targetDims } = message;
    rows = { activations: empty(dims), ...(targetDims ? { targets: empty(targetDims) } : {}) };
    source = undefined;
  } else if (message.type === "files") {
    const { files, targets, ahead } = message;
    const onWait = (seconds: number) => {
      waited += seconds;
    };
    const dims = [new RowSpans(files.bounds).count, files.shards[0]!.width] as const;
    for (const reader of readers) void reader.close();
    const [reader, ofTargets] = [new Prefetch(files), targets && new Prefetch(targets)];
    readers = ofTargets ? [reader, ofTargets] : [reader];
    source = streamedRows(dims, reader, {
      ...{ ahead, onWait },
      targets: ofTargets && { reader: ofTargets, width: targets!.shards[0]!.width },
    });
  } else if (message.type === "piece") rows[message.of]!.data.set(message.data, message.at);
  else
    run(message)
      .catch((error: Error) => send({ type: "error", name: error.name, message: error.message, stack: error.stack }))
      // Nobody is there to hear it.
      .catch(() => process.exit(1));
});
// Ctrl-C, the end of a batch job and a closed terminal reach this process too, but the parent decides what they mean. Without a parent
// there is nothing left to do.
for (const one of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(one, () => {});
process.on("disconnect", () => process.exit(1));
