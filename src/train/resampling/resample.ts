/**
 * @file Dead-latent resampling: latents that have not fired of late begin again, each from a row that is rebuilt badly.
 * Source: Bricken et al. 2023, Towards monosemanticity, appendix, neuron resampling.
 */
import type { TrainConfig } from "../../config/config.ts";
import { takeRows } from "../../data/split.ts";
import type { Runtime } from "../../runtime/session.ts";
import { architectureOf, parametersOf } from "../../sae/spec.ts";
import { permutation, random, weightedSample } from "../../util/random.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import type { ResidentRows } from "../rows.ts";
import { scaledRows } from "../scaling.ts";
import { emaName, optimizerOf, slotName, type TrainState } from "../state.ts";
import { rowErrors } from "./errors.ts";

/** The most rows that a resampling looks at. With more, it looks at as many of them at random. */
const mostRows = 8192;

/** How long a resampled encoder row is, next to the mean of the live ones. Source: Bricken et al. 2023. */
const shareOfLength = 0.2;

/**
 * A state whose dead latents are resampled, and how many these are. A dead latent gets a row of its own, drawn with a chance that grows
 * with the square of its squared error. With u the row, less b_dec where the encoder takes that off, at unit length, and l the mean
 * length of live encoder rows:
 *
 *     encoder row = 0.2 l u     decoder row = the same of what is to be rebuilt, less b_dec     b_enc = 0     moments = 0
 *
 * `epochsDone` and the seed decide what is drawn, so that a training that goes on from here draws the same.
 */
export async function resampled(
  runtime: Runtime,
  config: TrainConfig,
  state: TrainState,
  given: ResidentRows,
  { epochsDone, threads }: { readonly epochsDone: number; readonly threads?: number | undefined },
): Promise<{ readonly state: TrainState; readonly count: number }> {
  const since = state.steps_since_fired!.data;
  const isDead = (latent: number) => since[latent]! >= config.deadSteps;
  const dead = Array.from(since.keys()).filter(isDead);
  if (dead.length === 0) return { state, count: 0 };
  const rng = random(config.seed, `resample/${epochsDone}`);
  const order = permutation(given.activations.dims[0]!, rng).slice(0, mostRows);
  const rows = picked(given, order);
  const errors = await rowErrors(runtime, config, state, rows, threads);
  const drawn = weightedSample(
    errors.map((error) => error * error),
    dead.length,
    rng,
  );
  const count = drawn.length;
  if (count === 0) return { state, count };

  const { encoder, decoder } = directions(config, state, picked(rows, drawn));
  const length = meanLength(state.W_enc!, (latent) => !isDead(latent)) || meanLength(state.W_enc!, () => true);
  const fresh = freshRows(config, state, given, epochsDone);
  const after: Record<string, HostTensor<"float32">> = { ...state };
  const edit = (name: string, row: (i: number, latent: number, width: number) => ArrayLike<number>) => {
    const { dims, data } = state[name]!;
    const copy = data.slice();
    const width = dims[1] ?? 1;
    for (let i = 0; i < count; i++) copy.set(row(i, dead[i]!, width), dead[i]! * width);
    after[name] = tensor("float32", dims, copy);
  };
  for (const [name, { perLatent }] of Object.entries(parametersOf(config))) {
    if (!perLatent) continue;
    const row = (i: number, latent: number, width: number) => {
      if (name === "W_enc") return encoder(i).map((v) => v * shareOfLength * length);
      return name === "W_dec" ? decoder(i) : fresh(name).subarray(latent * width, (latent + 1) * width);
    };
    edit(name, row);
    if (config.ema > 0) edit(emaName(name), row);
    for (const slot of optimizerOf(config).slots) edit(slotName(slot, name), (_, __, width) => new Float32Array(width));
  }
  edit("steps_since_fired", () => [0]);
  return { state: after, count };
}

const picked = ({ activations, targets }: ResidentRows, rows: Uint32Array): ResidentRows => ({
  activations: takeRows(activations, rows),
  targets: targets && takeRows(targets, rows),
});

/** What each drawn row is for the encoder and for the decoder, at unit length; a row of zeros stays. */
function directions(config: TrainConfig, state: TrainState, { activations, targets }: ResidentRows) {
  const { inputBias } = architectureOf(config).plain(config.options, config);
  const x = scaledRows(activations, state, "input");
  const target = targets ? scaledRows(targets, state, "target") : x;
  const b_dec = state.b_dec?.data;
  return { encoder: unitRow(x, inputBias ? b_dec : undefined), decoder: unitRow(target, b_dec) };
}

const unitRow = ({ data, dims }: HostTensor<"float32">, off: Float32Array | undefined) => {
  const width = dims[1]!;
  return (i: number): number[] => {
    const row = Array.from(data.subarray(i * width, (i + 1) * width), (v, j) => v - (off?.[j] ?? 0));
    const length = Math.hypot(...row) || 1;
    return row.map((v) => v / length);
  };
};

/** The mean length of some rows of a matrix; 0 where there are none. */
function meanLength({ data, dims }: HostTensor<"float32">, isOne: (row: number) => boolean): number {
  const [rows, width] = dims as [number, number];
  let [sum, count] = [0, 0];
  for (let row = 0; row < rows; row++) {
    if (!isOne(row)) continue;
    let squares = 0;
    for (let i = row * width; i < (row + 1) * width; i++) squares += data[i]! * data[i]!;
    sum += Math.sqrt(squares);
    count++;
  }
  return count === 0 ? 0 : sum / count;
}

/** What other parameters of a latent begin with: b_enc with zero, those of an architecture's own as before the first step. */
function freshRows(config: TrainConfig, state: TrainState, { activations, targets }: ResidentRows, epochsDone: number) {
  const side = config.outputDim === undefined ? "input" : "target";
  const made = Object.fromEntries(Object.entries(state).map(([name, { data }]) => [name, data]));
  return (name: string): Float32Array => {
    const { shape, init } = parametersOf(config)[name]!;
    if (name === "b_enc") return new Float32Array(shape[0]!);
    const rng = random(config.seed, `resample/${epochsDone}/${name}`);
    return init({ rng, shape, targets: scaledRows(targets ?? activations, state, side), made });
  };
}
