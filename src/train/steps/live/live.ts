/**
 * @file The live form of a step. `README.md` beside this file has a picture of it, and the life of one row.
 *
 * The gradient of a latent that was never kept is zero. Its moments are zero too, and its rows have never moved.
 * A latent that was not kept for long has come to rest (`hostRows.ts`). All other rows are live: they move at every step.
 *
 * The latents that a batch keeps are its active latents. The step takes the loss of the small SAE made of them.
 * The gradients of this loss are the non-zero rows of the dense gradient, so the numbers are those of the dense form.
 * A latent that is not active costs its share of the encoder's product.
 */
import { gradients } from "../../../autodiff/gradients.ts";
import * as op from "../../../graph/ops.ts";
import { scope, type Value } from "../../../graph/value.ts";
import { rowSparse, whole } from "../../../optim/optimizer.ts";
import { decode, encode, parametersOf, skipped } from "../../../sae/spec.ts";
import { scalingShapes } from "../../scaling.ts";
import { optimizerOf } from "../../state.ts";
import type { StateValues, StepForm } from "../form.ts";
import { drifted, projected, seen, shared, stepsSinceFired, totalLoss, updated } from "../update.ts";
import { chooseLatents } from "./choose.ts";
import { carriedRows, concat, grow, liveInputs, pick, placedLast, wholeMatrices } from "./graphRows.ts";
import { LiveRows } from "./hostRows.ts";
import { driftNames, heldName, inGroup, rowMatrices, scaleName } from "./layout.ts";
import { boundsOf, positions } from "./places.ts";

type V = Value<"float32">;
type Ints = Value<"int64">;

/** Steps that touch only live rows. For losses that depend on kept latents only. */
export const live: StepForm = {
  name: "live",
  describe: "moments and updates for latents kept so far only, gradients for those of the batch only",
  grows: true,
  host: (config, state) => new LiveRows(config, state),

  inputs: liveInputs,
  carry: carriedRows,
  // Slots are given in units of their scales. A product here would need room for a second copy of all slots.
  given: ({ is_carried: _, order: __, ...carried }) => carried,

  step(config, batch, carried, fixed) {
    const optimizer = optimizerOf(config);
    const parameters = parametersOf(config);
    const state = carried as StateValues;
    const { x, target } = seen(batch, state);
    const kept = chooseLatents(config, x, { ...state, ...wholeMatrices(config, carried, fixed) });
    const grown = grow(config, carried, fixed, kept.used);

    // The places of the active rows in each group.
    const places = scope("active", () => grown.map(({ numbers }) => positions(op.gather(kept.used, numbers))));
    const active = scope("active", () => concat(grown.map(({ numbers }, i) => op.gather(numbers, places[i]!))));
    const bounds = scope("active", () => boundsOf(places));
    const matrices = rowMatrices(config);
    const small = scope("active", () =>
      pick(Object.keys(parameters), (name) => {
        if (matrices.includes(name)) return concat(grown.map(({ rows }, i) => op.gather(rows[name]!, places[i]!)));
        return parameters[name]!.perLatent ? op.gather(state[name]!, active) : state[name]!;
      }),
    );
    const code = encode(config, x, small, { mode: "train", keep: kept.among(active) });
    const beside = skipped(config, x, small);
    const xHat = decode(config, code.z, small, beside);
    const revived = kept.revivedAmong?.(active, x, small);
    const loss = totalLoss(config, state, { x, target, xHat, beside, code, params: small, revived });
    const gradient: StateValues = gradients(loss, small);

    const { scalars, counted, learningRate } = shared(config, state);
    const scales = scope("schedule", () =>
      pick(optimizer.slots, (slot) => op.mul(state[scaleName(slot)]!, optimizer.decay[slot]!)),
    );
    const next: Record<string, Value> = { ...scalars, ...counted };
    const free = pick(Object.keys(gradient), (name) =>
      scope(`update/${name}`, () => projected(config, name, small[name]!, gradient[name]!)),
    );
    // All other rows of the dense gradient are zero, so these rows have its length.
    for (const [name, narrow] of Object.entries(scope("clip", () => optimizer.gradients(free))))
      scope(`update/${name}`, () => {
        if (!matrices.includes(name)) {
          const own = parameters[name]!.perLatent ? rowSparse(active, narrow) : whole(narrow);
          Object.assign(next, updated(config, name, state, { gradient: own, scalars, learningRate }));
        } else
          for (const [i, { rows }] of grown.entries()) {
            const own = rowSparse(places[i]!, op.slice(narrow, { axis: 0, ...bounds[i] }));
            const after = updated(config, name, rows, { gradient: own, scales, scalars, learningRate });
            for (const [key, value] of Object.entries(after)) next[inGroup(key, i)] = value;
          }
      });
    for (const i of driftNames(config))
      for (const name of matrices)
        scope(`drift/${name}`, () => {
          const held = pick(optimizer.slots, (slot) => fixed[heldName(slot, name)] as V);
          const parameter = carried[inGroup(name, i)] as V;
          next[inGroup(name, i)] = drifted(config, name, { parameter, held, scales, scalars, learningRate });
        });

    const { numbers: added, fresh } = grown.at(-1)!;
    // The scaling of the inputs never changes.
    const still = pick(Object.keys(scalingShapes(config)), (name) => state[name]!);
    return {
      carried: {
        ...still,
        ...next,
        added,
        ...scope("grow", () => ({
          is_carried: op.max(carried.is_carried as V, kept.used),
          order: placedLast(carried.order as Ints, carried.added as Ints, fresh!, config.latentDim),
        })),
        ...Object.fromEntries(optimizer.slots.map((slot) => [scaleName(slot), scales[slot]!])),
        steps_since_fired: scope("fired", () => stepsSinceFired(code, state.steps_since_fired!)),
      },
      loss,
    };
  },
};
