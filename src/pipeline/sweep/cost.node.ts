/** @file What a sweep will take, measured from a few steps of some of its SAEs on this machine. */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { heldOut, type TrainConfig } from "../../config/config.ts";
import { type AnyRows, batchesOf } from "../../evaluate/evaluate.ts";
import { providers } from "../../runtime/providers.node.ts";
import { train } from "../../train/train.ts";
import { sliceRows } from "../../util/tensor.ts";
import { finishSae } from "../grid/finish.node.ts";
import { type GridPlan, planGrid } from "../grid/plan.node.ts";
import { workOf } from "../grid/progress.ts";
import { bytesOfProcess } from "../memory.ts";
import { prefixOf } from "./folder.node.ts";
import type { SweepPlan } from "./sweep.node.ts";

/** What one SAE takes. */
export interface CellCost {
  readonly steps: number;
  readonly training: number;
  readonly finishing: number;
  readonly bytes: number;
  /** Whether it was measured itself, and not worked out from another by its size. */
  readonly measured: boolean;
}

/** What a sweep takes: seconds and bytes. */
export interface SweepCost {
  /** Of each configuration, in their order. */
  readonly cells: readonly CellCost[];
  /** One group is read and checked in so many seconds. */
  readonly reading: number;
  /** All SAEs of this process, one after another; and with its jobs side by side. */
  readonly total: number;
  readonly wall: number;
  readonly diskBytes: number;
  /** The most memory at a time: of this process, and of a training process each. */
  readonly memoryBytes: { readonly parent: number; readonly each: number };
}

/** Most configurations that are measured, and batches each is trained on. */
const [mostMeasured, batches] = [6, 4];

/** Seconds that a step is timed over at the least; epochs that suffice for them, and for a latent to die; a learning rate that is safe. */
const [leastSeconds, mostEpochs, mostRate] = [0.25, 4e6, 1e-3];

/** Measures some of a sweep's configurations, the smallest and the largest among them. Nothing is left on the disk. */
export async function measureCost(plan: SweepPlan): Promise<SweepCost> {
  const { run, own, jobs, threads } = plan;
  const { data, configs, provider } = run;
  const group = own[0]!.group;
  const folder = await mkdtemp(join(tmpdir(), "sae-onnx-cost-"));
  try {
    const started = performance.now();
    const grid = await planGrid({
      ...(await data.read(group)),
      ...{
        configs,
        provider,
        threads,
        jobs,
        out: folder,
        name: prefixOf(run.name, group.name),
        keepState: run.keepState,
        stems: plan.file.saes,
      },
    });
    const reading = seconds(started);
    const chosen = spread(configs);
    const measured = new Map<number, Measured>();
    // The first of a process is slower than all that follow, and nobody trains only one.
    await measure(grid, chosen[0]!, folder);
    for (const place of chosen) measured.set(place, await measure(grid, place, folder));
    const cells = configs.map((config, place) => costOf(config, place, measured, configs, grid));
    const total = own.reduce((sum, { place }) => sum + cells[place]!.training + cells[place]!.finishing, 0);
    const groups = new Set(own.map((cell) => cell.group)).size;
    const rows = Math.max(...own.map((cell) => data.trainRowsOf(cell.group)));
    const { parent, each } = bytesOfProcess(configs, rows);
    return {
      ...{ cells, reading, total, wall: total / Math.max(1, jobs) + groups * reading },
      diskBytes: own.reduce((sum, { place }) => sum + cells[place]!.bytes, 0),
      memoryBytes: { parent: parent + 4 * group.rows * data.inputDim, each },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const seconds = (since: number): number => (performance.now() - since) / 1000;

interface Measured {
  readonly start: number;
  readonly step: number;
  readonly finishing: number;
  readonly bytes: number;
}

/** Configurations from the smallest to the largest, evenly; of those that differ by their seed one. */
function spread(configs: readonly TrainConfig[]): readonly number[] {
  const different = new Map(configs.map((config, place) => [JSON.stringify({ ...config, seed: 0 }), place] as const));
  const places = [...different.values()].sort((a, b) => workOf(configs[a]!) - workOf(configs[b]!));
  if (places.length <= mostMeasured) return places;
  return Array.from(
    { length: mostMeasured },
    (_, i) => places[Math.round((i * (places.length - 1)) / (mostMeasured - 1))]!,
  );
}

/**
 * Trains one on a few batches, epoch after epoch, in runs as a whole training has them; then freezes and measures it on all rows. The
 * first run opens the session, so only those after it say how long a step takes.
 */
async function measure(plan: GridPlan, place: number, folder: string): Promise<Measured> {
  const { provider, threads } = plan.run;
  const entry = plan.entries[place]!;
  const { config } = entry;
  const runtime = await providers[provider].load();
  const { training } = entry.kept;
  const rows = Math.min(batches * config.batchSize, trainedRows(plan, place));
  const some =
    "shards" in training
      ? await firstRows(plan, rows)
      : {
          activations: sliceRows(training.activations, 0, rows),
          targets: training.targets && sliceRows(training.targets, 0, rows),
        };
  const { calibrate: _, ...rest } = config;
  const learningRate = Math.min(config.learningRate, mostRate);
  const short: TrainConfig = { ...rest, learningRate, epochs: mostEpochs, maxRowNorm: "none", resampleEvery: 0 };
  const ends: { readonly epochs: number; readonly at: number }[] = [];
  const started = performance.now();
  const trained = await train(runtime, short, some, {
    threads,
    async onRun({ epochsDone }) {
      ends.push({ epochs: epochsDone, at: seconds(started) });
      return ends.length < 2 || ends.at(-1)!.at - ends[0]!.at < leastSeconds;
    },
  });
  const steps = Math.ceil(rows / config.batchSize);
  const rates = ends.slice(1).map(({ epochs, at }, i) => (at - ends[i]!.at) / (epochs - ends[i]!.epochs) / steps);
  const step = median(rates);
  const finishes = performance.now();
  // Its files have the loss of every epoch.
  const loss = Array.from({ length: config.epochs }, (_, i) => trained.loss[i % trained.loss.length]!);
  await finishSae(plan, entry, { ...trained, epochsDone: config.epochs, loss, seconds: ends.at(-1)!.at });
  const finishing = seconds(finishes);
  const sizes = await Promise.all(
    (await readdir(folder)).filter((name) => name.startsWith(`${entry.name}.`)).map((name) => stat(join(folder, name))),
  );
  return {
    start: Math.max(0, ends[0]!.at - ends[0]!.epochs * steps * step),
    step,
    finishing,
    bytes: sizes.reduce((sum, { size }) => sum + size, 0),
  };
}

/** How many training rows the steps of a configuration see. */
const trainedRows = ({ entries }: GridPlan, place: number): number => {
  const { config, kept } = entries[place]!;
  return kept.shapes.dims[0]! - heldOut(config, kept.shapes.dims[0]!);
};

/** The upper of two medians: what waits for others while a sweep runs is no faster. */
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** The first training rows of a set in files, and what is to be reconstructed of them. */
async function firstRows({ data }: GridPlan, rows: number) {
  const first = async (of: AnyRows) => (await batchesOf(of, rows).next()).value!;
  const { train: own, targets } = data.evaluation;
  return { activations: await first(own), targets: targets && (await first(targets.train)) };
}

/** The cost of one configuration: what was measured, or that of the nearest in size, in proportion; one of its own architecture first. */
function costOf(
  config: TrainConfig,
  place: number,
  measured: ReadonlyMap<number, Measured>,
  configs: readonly TrainConfig[],
  plan: GridPlan,
): CellCost {
  const own = measured.get(place);
  const distance = (other: number) => Math.abs(Math.log(workOf(configs[other]!) / workOf(config)));
  const isOther = (other: number) => Number(configs[other]!.architecture !== config.architecture);
  const nearer = (a: number, b: number) => isOther(a) - isOther(b) || distance(a) - distance(b);
  const nearest = own ? place : [...measured.keys()].sort(nearer)[0]!;
  const { start, step, finishing, bytes } = measured.get(nearest)!;
  const perStep = (one: TrainConfig) => (workOf(one) / one.epochs) * (one.batchSize / 256);
  const scale = own ? 1 : perStep(config) / perStep(configs[nearest]!);
  const size = own ? 1 : config.latentDim / configs[nearest]!.latentDim;
  const steps = config.epochs * Math.ceil(trainedRows(plan, place) / config.batchSize);
  return {
    steps,
    training: start + steps * step * scale,
    finishing: finishing * size,
    bytes: bytes * size,
    measured: own !== undefined,
  };
}
