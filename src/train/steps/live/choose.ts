/** @file Which latents a batch keeps. A step asks this first. The answer comes from the architecture's own encoder. */

import type { TrainConfig } from "../../../config/config.ts";
import { customGradient } from "../../../graph/alias.ts";
import * as op from "../../../graph/ops.ts";
import { dependsOn, scope, type Value } from "../../../graph/value.ts";
import type { Keep } from "../../../sae/architecture.ts";
import { deadMask, preOfDead, strongestDead } from "../../../sae/auxiliary.ts";
import { place } from "../../../sae/select.ts";
import { architectureOf, parametersOf, sparsityOf } from "../../../sae/spec.ts";
import type { StateValues } from "../form.ts";
import type { Revived } from "../update.ts";
import { inverse, onesLike, positions } from "./places.ts";

type V = Value<"float32">;
type Ints = Value<"int64">;

/** What an architecture chooses by: pre-activations and scores `[batch, latentDim]`, and k. */
function scored(config: TrainConfig, x: V, params: StateValues) {
  let seen: { pre: V; scores: V; k: number | Ints } | undefined;
  const keep: Keep = (pre, scores, k) => {
    seen = { pre, scores, k };
    return { pre, z: pre };
  };
  const { options } = config;
  const context = { options, dims: config, mode: "train", state: {}, sparsity: sparsityOf(config), keep } as const;
  architectureOf(config).encode(x, params, context);
  return seen!;
}

/**
 * The latents that a batch keeps, and the dead ones that its auxiliary loss revives. `used [latentDim]` is 1 for each latent that some
 * row keeps or revives, and 0 for the others. `among` makes the same choice in the small SAE of the `active` latents. So does
 * `revivedAmong` with the revived ones.
 */
export function chooseLatents(config: TrainConfig, x: V, state: StateValues) {
  return scope("choose", () => {
    const { pre, scores, k } = scored(config, x, state);
    const { indices } = op.topK(scores, k, { sorted: false });
    const known = op.gatherElements(pre, indices);
    const flat = op.reshape(indices, [-1]);
    const ones = op.expand(op.scalarOf("float32", 1), op.shape(flat));
    const kept = op.scatterElements(op.zerosLike(state.steps_since_fired!), flat, ones, { axis: 0 });
    const revived = config.auxK > 0 ? chooseRevived(config, pre, state) : undefined;
    const used = revived ? op.max(kept, revived.used) : kept;

    const among = (active: Ints): Keep =>
      scope("choose", () => {
        const places = inverse(active, used, positions(onesLike(active)));
        const local = op.reshape(op.gather(places, flat), op.shape(indices));
        const rows = op.slice(op.shape(x), { axis: 0, to: 1 });
        const zeros = op.expand(op.scalarOf("float32", 0), op.concat([rows, op.shape(active)], 0));
        // The kept values are known already. Their gradient goes to the pre-activations of the small SAE.
        return (pre, _scores, _k, act = (values) => values) => {
          const [kept] = customGradient(
            [pre],
            () => [known] as const,
            ([dy]) => [dy && op.scatterElements(zeros, local, dy)],
          );
          const values = act(kept);
          return { pre, z: place(values, local, zeros), top: { values, indices } };
        };
      });
    return { used, among, revivedAmong: revived?.among };
  });
}

/** The same for the dead latents that the auxiliary loss of a batch revives. */
function chooseRevived(config: TrainConfig, pre: V, state: StateValues) {
  return scope("auxiliary", () => {
    const revival = architectureOf(config).revival!(config.options);
    const dead = deadMask(state.steps_since_fired!, config.deadSteps);
    const z = strongestDead(pre, dead, config.auxK, revival.by);
    const isRevived = op.cast(op.not(op.equal(z, 0)), "float32");
    const among = (active: Ints, x: V, small: StateValues) => (): Revived => {
      const columns = (all: V) => op.gather(all, active, 1);
      // The values are known already. Their gradient goes to the pre-activations of the small SAE.
      const [values] = customGradient(
        [preOfDead(revival, x, small, config)],
        () => [columns(z)] as const,
        ([dz]) => [dz && op.mul(dz, columns(isRevived))],
      );
      return { z: values, dead };
    };
    return { used: op.min(op.reduceSum(isRevived, { axes: [0] }), 1), among };
  });
}

/** Names of the parameters that the choice of latents depends on. */
export function scoringParameters(config: TrainConfig): string[] {
  const params = Object.fromEntries(
    Object.entries(parametersOf(config)).map(([name, { shape }]) => [name, op.input("float32", shape)]),
  );
  const { scores } = scored(config, op.input("float32", ["batch", config.inputDim]), params);
  return Object.keys(params).filter((name) => dependsOn(scores, params[name]!));
}
