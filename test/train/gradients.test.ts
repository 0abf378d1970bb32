import { describe, expect, test } from "vitest";
import type { TrainConfig } from "../../src/config/config.ts";
import * as op from "../../src/graph/ops.ts";
import type { Value } from "../../src/graph/value.ts";
import type { PlainTensors } from "../../src/sae/plain.ts";
import { architectureOf, decode, encode, parametersOf, statesOf } from "../../src/sae/spec.ts";
import { initialState } from "../../src/train/state.ts";
import { lossAndGradients } from "../../src/train/steps/dense.ts";
import { lossesOf } from "../../src/train/steps/update.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";
import { evaluateGraph } from "../run.ts";
import { cases } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

type V = Value<"float32">;

/** The same functions write a graph in float64, where differences can be taken: nothing in them names an element type. */
const input = (dims: readonly number[]): V => op.input("float64", dims) as unknown as V;

const inputsOf = (tensors: Readonly<Record<string, HostTensor>>): Record<string, V> =>
  Object.fromEntries(Object.entries(tensors).map(([name, { dims }]) => [name, input(dims)]));

/** What a loss is told to hold still, by its stopGradient: differences must hold it still too. */
const held: Readonly<Record<string, Held>> = {
  auxiliary: { xHat: true, params: ["b_dec"] },
  gate: { xHat: false, params: ["W_dec", "b_dec"] },
};
interface Held {
  readonly xHat: boolean;
  readonly params: readonly string[];
}
const nothing: Held = { xHat: false, params: [] };

const x = dictionaryRows(24, 16);
const float64 = ({ dims, data }: HostTensor<"float32">, noise: () => number) =>
  tensor(
    "float64",
    dims,
    Float64Array.from(data, (v) => v + noise()),
  );
const dot = (a: HostTensor, b: HostTensor) =>
  (a.data as Float64Array).reduce((sum, v, i) => sum + v * Number(b.data[i]), 0);

/**
 * A point where nothing is zero or tied, with a third of the latents dead, and a direction for every parameter. Where each latent has
 * a kink of its own, none is so near it that a difference would reach across.
 */
function point(config: TrainConfig) {
  for (let seed = 11; ; seed++) {
    const made = pointOf(config, seed);
    const plain = architectureOf(config).plain(config.options, config);
    if (!("gate" in plain)) return made;
    const { W_enc, b_dec, [plain.bias ?? "b_enc"]: bias } = made.near;
    const pre = Array.from({ length: 24 * config.latentDim }, (_, i) => {
      const [row, latent] = [Math.floor(i / config.latentDim), i % config.latentDim];
      const weights = W_enc!.data.slice(16 * latent, 16 * (latent + 1)) as Float64Array;
      const off = (j: number) => (plain.inputBias ? Number(b_dec!.data[j]) : 0);
      return weights.reduce((sum, w, j) => sum + w * (x.data[16 * row + j]! - off(j)), Number(bias!.data[latent]));
    });
    const tensors = { ...made.carried, ...made.near } as unknown as PlainTensors;
    const away = (one: number, i: number) =>
      Math.min(Math.abs(one), Math.abs(one - plain.gate(i % config.latentDim, tensors)));
    if (pre.every((one, i) => away(one, i) > 5e-4)) return made;
  }
}

function pointOf(config: TrainConfig, seed: number) {
  const rng = random(seed, "gradients");
  const state = initialState(config, x);
  const names = Object.keys(parametersOf(config));
  const near = Object.fromEntries(names.map((name) => [name, float64(state[name]!, () => 0.2 * rng.normal())]));
  const directions = Object.fromEntries(
    names.map((name) => [name, float64({ ...state[name]!, data: state[name]!.data.map(() => 0) }, () => rng.normal())]),
  );
  const since = tensor(
    "float64",
    [config.latentDim],
    Float64Array.from({ length: config.latentDim }, (_, i) => (i % 3 === 0 ? 5 : 0)),
  );
  const states = Object.keys(statesOf(config)).map((name) => [name, float64(state[name]!, () => 0)]);
  return { names, near, directions, carried: { steps_since_fired: since, ...Object.fromEntries(states) } };
}

/** Gradients as training takes them. */
async function analytic(config: TrainConfig, { names, near, carried }: ReturnType<typeof point>) {
  const params = Object.fromEntries(names.map((name) => [name, input(near[name]!.dims)]));
  const [batch, state] = [input(x.dims), inputsOf(carried)];
  const { gradient } = lossAndGradients(config, { x: batch, target: batch }, { ...params, ...state });
  const outputs = Object.fromEntries(names.map((name) => [`d_${name}`, gradient[name]!]));
  const found = await evaluateGraph({ batch, ...state, ...params }, outputs, {
    batch: float64(x, () => 0),
    ...carried,
    ...near,
  });
  return (name: string) => found[`d_${name}`]!;
}

/** The whole loss as a function of the parameters, with all that a loss holds still kept at `near`. */
function lossAt(config: TrainConfig, { names, near, carried }: ReturnType<typeof point>) {
  const moving = Object.fromEntries(names.map((name) => [name, input(near[name]!.dims)]));
  const still = Object.fromEntries(names.map((name) => [name, input(near[name]!.dims)]));
  const [batch, state] = [input(x.dims), inputsOf(carried)];
  const forward = (params: typeof moving) => {
    const code = encode(config, batch, params, { mode: "train", state });
    return { code, xHat: decode(config, code.z, params, undefined) };
  };
  const { code, xHat } = forward(moving);
  const before = forward(still);
  const losses = (which: Held) =>
    lossesOf(config, state, {
      ...{ x: batch, target: batch, code },
      xHat: which.xHat ? before.xHat : xHat,
      params: Object.fromEntries(names.map((name) => [name, (which.params.includes(name) ? still : moving)[name]!])),
    });
  const each = Object.keys(losses(nothing)).map((name) => losses(held[name] ?? nothing)[name]!);
  const loss = each.reduce((sum, one) => op.add(sum, one));
  const fixed = Object.fromEntries(names.map((name) => [`still_${name}`, still[name]!]));
  const feeds = {
    batch: float64(x, () => 0),
    ...carried,
    ...Object.fromEntries(names.map((name) => [`still_${name}`, near[name]!])),
  };
  return async (params: Readonly<Record<string, HostTensor>>) => {
    const result = await evaluateGraph({ batch, ...state, ...moving, ...fixed }, { loss }, { ...feeds, ...params });
    return result.loss!.data[0] as number;
  };
}

describe.each(cases)("$name", ({ config: configOf }) => {
  const config = configOf();
  const at = point(config);
  const gradient = analytic(config, at);
  const loss = lossAt(config, at);

  // Those that get theirs straight through a jump have none by differences: see straightThrough.test.ts.
  test.each(at.names.filter((name) => name !== "threshold"))(
    "the gradient of the whole loss for %s agrees with central differences",
    async (name) => {
      const [p, d] = [at.near[name]!, at.directions[name]!];
      const h = 1e-5;
      const moved = (step: number) =>
        tensor(
          "float64",
          p.dims,
          (p.data as Float64Array).map((v, i) => v + step * d.data[i]!),
        );
      const numeric =
        ((await loss({ ...at.near, [name]: moved(h) })) - (await loss({ ...at.near, [name]: moved(-h) }))) / (2 * h);
      const found = (await gradient)(name);
      const size = Math.sqrt(dot(found, found) * dot(d, d));
      expect(Math.abs(dot(found, d))).toBeGreaterThan(1e-3 * size);
      expect(Math.abs(numeric - dot(found, d)) / size).toBeLessThan(1e-8);
    },
  );
});
