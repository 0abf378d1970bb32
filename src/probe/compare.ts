import type { Model } from "../onnx/proto.ts";
import type { Runtime } from "../runtime/session.ts";
import { permutation, random } from "../util/random.ts";
import type { HostTensor } from "../util/tensor.ts";
import { type Interval, intervalsOf } from "./bootstrap.ts";
import { type CrossValidation, crossValidate } from "./cross.ts";
import { featuresOf } from "./features.ts";
import type { Folds } from "./folds.ts";
import type { Target } from "./label.ts";
import { type Measurer, measurerOf } from "./measures.ts";

/** How many latents the sparse probes get. */
export const bestCounts: readonly number[] = [1, 5, 20];

/** How often the control shuffles the labels. */
const shuffles = 5;

/** A frozen autoencoder and its name. */
export interface NamedModel {
  readonly name: string;
  readonly model: Model;
}

/** What is probed for, and where. */
export interface Comparison {
  /** `[rows, inputDim]` */
  readonly activations: HostTensor<"float32">;
  readonly target: Target;
  readonly folds: Folds;
  /** Which group each row is in, from 0: what the intervals draw. */
  readonly groups: Int32Array;
  readonly models: readonly NamedModel[];
  readonly seed: number;
  readonly threads?: number | undefined;
  /** Hears what is about to be trained. */
  readonly onProbe?: ((what: string) => void) | undefined;
}

/** What probes on one kind of features found. */
export interface ProbeRow {
  /** The model whose features these are; `null` for raw activations. */
  readonly model: string | null;
  /** `activations`, `latents`, `latents, best 5`, `reconstruction`. */
  readonly features: string;
  /** How many features a probe gets. */
  readonly dims: number;
  /** Each with the ends of its 95 % interval. */
  readonly measures: Readonly<Record<string, Interval>>;
  /** The first measure with shuffled labels, the mean of five: .5 for auc, at most about 0 for r2. */
  readonly control: number;
  /** How much of what the activations say these features say: (auc - 1/2) over theirs, or r2 over theirs; `null` where those say nothing. */
  readonly kept: Interval | null;
  /** By fold. */
  readonly strengths: readonly number[];
  /** By class and fold, the latents that a sparse probe used. */
  readonly chosen?: readonly (readonly (readonly number[])[])[];
  readonly unfinished: number;
}

/**
 * What probes for a label find, cross-validated, in raw activations and in what each model makes of them.
 * @throws {ConfigError} when a model does not fit.
 */
export async function compared(runtime: Runtime, run: Comparison): Promise<ProbeRow[]> {
  const { activations, target, folds, groups, models, seed, threads, onProbe = () => {} } = run;
  const { targets, back } = targetsOf(target);
  const controls = Array.from({ length: shuffles }, (_, i) => permuted(target, shuffledWithin(folds, seed, i)));
  const shuffled = controls.flatMap((control) => targetsOf(control).targets);
  const shared = { runtime, threads, loss: target.kind === "number" ? "ridge" : "logistic", folds } as const;
  const once = new Float64Array(activations.dims[0]!).fill(1);
  const found: (Omit<ProbeRow, "measures" | "kept"> & { readonly measure: Measurer })[] = [];
  const add = async (model: string | null, features: string, { x, best }: Pick<CrossValidation, "x" | "best">) => {
    onProbe([model, features].filter(Boolean).join(": "));
    const done = await crossValidate({ ...shared, x, best, targets, shuffled });
    const measure = (of: Target, scores: readonly Float32Array[]) => measurerOf(of, scores.map(back), folds);
    const chances = controls.map((control, i) => {
      const scores = done.shuffledScores.slice(i * targets.length, (i + 1) * targets.length);
      return Object.values(measure(control, scores)(once))[0]!;
    });
    found.push({
      ...{ model, features, dims: best ?? x.dims[1]!, measure: measure(target, done.scores) },
      control: chances.reduce((sum, one) => sum + one, 0) / shuffles,
      ...{ strengths: done.strengths, unfinished: done.unfinished },
      ...(done.chosen ? { chosen: done.chosen } : {}),
    });
  };
  await add(null, "activations", { x: activations });
  for (const { name, model } of models) {
    const { latents, reconstruction } = await featuresOf(runtime, model, name, activations, { threads });
    await add(name, "latents", { x: latents });
    for (const best of bestCounts.filter((count) => count < latents.dims[1]!))
      await add(name, `latents, best ${best}`, { x: latents, best });
    if (reconstruction) await add(name, "reconstruction", { x: reconstruction });
  }
  const intervals = intervalsOf(
    found.map(({ measure }) => measure),
    groups,
    { seed, floor: target.kind === "number" ? 0 : 0.5 },
  );
  return found.map(({ measure: _, ...row }, i) => ({ ...row, ...intervals[i]! }));
}

/** What is to be found, one array a probe, and how a probe's scores become numbers of the label again. */
function targetsOf(target: Target): { targets: Float32Array[]; back: (scores: Float32Array) => Float32Array } {
  if (target.kind === "classes") {
    const probed = target.classes.length === 2 ? [1] : [...target.classes.keys()];
    return {
      targets: probed.map((one) => Float32Array.from(target.of, (value) => (value === one ? 1 : 0))),
      back: (scores) => scores,
    };
  }
  const { values } = target;
  const mean = values.reduce((sum, one) => sum + one / values.length, 0);
  const deviation = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2 / values.length, 0));
  return {
    targets: [Float32Array.from(values, (one) => (one - mean) / deviation)],
    back: (scores) => scores.map((one) => one * deviation + mean),
  };
}

/** A target with its rows in another order. */
const permuted = (target: Target, order: Uint32Array): Target =>
  target.kind === "classes"
    ? { ...target, of: Int32Array.from(order, (row) => target.of[row]!) }
    : { ...target, values: Float64Array.from(order, (row) => target.values[row]!) };

/** Row numbers, those of each fold in random order: every fold keeps its share of each class. */
function shuffledWithin({ count, of }: Folds, seed: number, which: number): Uint32Array {
  const order = new Uint32Array(of.length);
  for (let fold = 0; fold < count; fold++) {
    const rows = [...of.keys()].filter((row) => of[row] === fold);
    const places = permutation(rows.length, random(seed, `shuffled labels ${which}/${fold}`));
    rows.forEach((row, i) => {
      order[row] = rows[places[i]!]!;
    });
  }
  return order;
}
