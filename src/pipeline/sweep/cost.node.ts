/** @file What a sweep will take, measured from a few steps of some of its SAEs on this machine. */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TrainConfig } from "../../config/config.ts";
import { type AnyRows, batchesOf } from "../../evaluate/evaluate.ts";
import { providers } from "../../runtime/providers.node.ts";
import { type TrainProgress, train } from "../../train/train.ts";
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

/** Trains one for one and for three epochs of a few batches, then freezes and measures it on all rows. */
async function measure(plan: GridPlan, place: number, folder: string): Promise<Measured> {
  const { provider, threads } = plan.run;
  const entry = plan.entries[place]!;
  const { config } = entry;
  const runtime = await providers[provider].load();
  const { training } = entry.kept;
  const rows = Math.min(batches * config.batchSize, entry.kept.shapes.dims[0]!);
  const some =
    "shards" in training
      ? await firstRows(plan, rows)
      : {
          activations: sliceRows(training.activations, 0, rows),
          targets: training.targets && sliceRows(training.targets, 0, rows),
        };
  const timed = async (epochs: number): Promise<[number, TrainProgress]> => {
    const started = performance.now();
    const trained = await train(runtime, { ...config, epochs, maxRowNorm: "none", resampleEvery: 0 }, some, {
      threads,
    });
    return [seconds(started), trained];
  };
  const [once] = await timed(1);
  const [thrice, trained] = await timed(3);
  const steps = Math.ceil(rows / config.batchSize);
  const step = Math.max((thrice - once) / (2 * steps), 1e-6);
  const started = performance.now();
  await finishSae(plan, entry, { ...trained, epochsDone: config.epochs, seconds: thrice });
  const finishing = seconds(started);
  const sizes = await Promise.all(
    (await readdir(folder)).filter((name) => name.startsWith(`${entry.name}.`)).map((name) => stat(join(folder, name))),
  );
  return {
    start: Math.max(0, once - steps * step),
    step,
    finishing,
    bytes: sizes.reduce((sum, { size }) => sum + size, 0),
  };
}

/** The first training rows of a set in files, and what is to be reconstructed of them. */
async function firstRows({ data }: GridPlan, rows: number) {
  const first = async (of: AnyRows) => (await batchesOf(of, rows).next()).value!;
  const { train: own, targets } = data.evaluation;
  return { activations: await first(own), targets: targets && (await first(targets.train)) };
}

/** The cost of one configuration: what was measured, or that of the nearest in size, in proportion. */
function costOf(
  config: TrainConfig,
  place: number,
  measured: ReadonlyMap<number, Measured>,
  configs: readonly TrainConfig[],
  { entries }: GridPlan,
): CellCost {
  const own = measured.get(place);
  const distance = (other: number) => Math.abs(Math.log(workOf(configs[other]!) / workOf(config)));
  const nearest = own ? place : [...measured.keys()].sort((a, b) => distance(a) - distance(b))[0]!;
  const { start, step, finishing, bytes } = measured.get(nearest)!;
  const perStep = (one: TrainConfig) => (workOf(one) / one.epochs) * (one.batchSize / 256);
  const scale = own ? 1 : perStep(config) / perStep(configs[nearest]!);
  const size = own ? 1 : config.latentDim / configs[nearest]!.latentDim;
  const steps = config.epochs * Math.ceil(entries[place]!.kept.shapes.dims[0]! / config.batchSize);
  return {
    steps,
    training: start + steps * step * scale,
    finishing: finishing * size,
    bytes: bytes * size,
    measured: own !== undefined,
  };
}
