import { gradients } from "../autodiff/gradients.ts";
import { buildModel } from "../graph/build.ts";
import { loop } from "../graph/control.ts";
import * as op from "../graph/ops.ts";
import { scope, type Value } from "../graph/value.ts";
import type { Model } from "../onnx/proto.ts";
import { optimizerFrom } from "../optim/index.ts";
import { whole } from "../optim/optimizer.ts";
import { type LossName, losses } from "./losses.ts";

type V = Value<"float32">;

/** How much of the way of the step before is walked again. */
const kept = 0.9;

/**
 * The training graph of many probes at once, one a column, each over all of its rows in every step.
 *
 * Of a row x a probe says z = sum_j w_j scale_j (x_j - mean_j) + b, and minimises sum_i weight_i loss(z_i, y_i) + lambda / 2 |w|^2; b is
 * free. Inputs: `x [rows, dims]`; `y`, `weight [rows, probes]`; `mean`, `scale [dims, probes]`; `lambda`, `step [1, probes]`;
 * `directions [dims, leading]`; `along [leading, probes]`, `across [1, probes]` (see `precondition`); `steps`; the state `w`, `b` and the
 * traces of momentum. Outputs: the state after `steps` steps (`_next`), and there `loss`, `slope` (the largest entry of the gradient), both
 * `[1, probes]`, `scores [rows, probes]`.
 */
export function probeGraph(loss: LossName): Model {
  const { each, curvature } = losses[loss];
  const float = (...shape: (number | string)[]) => op.input("float32", shape);
  const x = float("rows", "dims");
  const rows = { y: float("rows", "probes"), weight: float("rows", "probes") };
  const standard = { mean: float("dims", "probes"), scale: float("dims", "probes") };
  const each1 = { lambda: float(1, "probes"), step: float(1, "probes"), across: float(1, "probes") };
  const precondition = { directions: float("dims", "leading"), along: float("leading", "probes") };
  const steps = op.input("int64", []);
  const state = { w: float("dims", "probes"), b: float(1, "probes") };
  const traces = { trace_w: float("dims", "probes"), trace_b: float(1, "probes") };
  const optimizer = optimizerFrom("momentum", { momentum: kept, clipNorm: 0, weightDecay: 0 });

  const measured = ({ w, b }: typeof state) => {
    const own = op.mul(w, standard.scale);
    const shift = op.reduceSum(op.mul(own, standard.mean), { axes: [0], keepDims: true });
    const scores = op.add(op.matMul(x, own), op.sub(b, shift));
    const misses = op.reduceSum(op.mul(rows.weight, each(scores, rows.y)), { axes: [0], keepDims: true });
    const penalty = op.reduceSum(op.mul(w, w), { axes: [0], keepDims: true });
    return { scores, loss: op.add(misses, op.mul(op.mul(penalty, each1.lambda), 0.5)) };
  };
  /** Columns do not depend on one another, so the gradient of the sum of all losses holds the gradient of each. */
  const slopes = (at: typeof state) => gradients(op.reduceSum(measured(at).loss), at);

  /** (Q along Q^T + across (1 - Q Q^T)) g: an inverse of the curvature, as far as Q's directions tell it. */
  const preconditioned = (g: V): V => {
    const { directions, along } = precondition;
    const inside = op.matMul(op.transpose(directions), g);
    return op.add(op.mul(g, each1.across), op.matMul(directions, op.mul(inside, op.sub(along, each1.across))));
  };

  const { state: after } = scope("train", () =>
    loop({
      trips: steps,
      state: { ...state, ...traces },
      body: (_, { w, b, trace_w, trace_b }) => {
        const g = slopes({ w, b });
        const moved = (parameter: V, gradient: V, trace: V) =>
          optimizer.update({
            ...{ parameter, gradient: whole(gradient), slots: { trace }, scalars: {}, learningRate: each1.step },
          });
        const next = {
          w: moved(w, preconditioned(g.w), trace_w),
          b: moved(b, op.mul(g.b, 1 / curvature), trace_b),
        };
        return {
          state: {
            ...{ w: next.w.parameter, b: next.b.parameter },
            ...{ trace_w: next.w.slots.trace!, trace_b: next.b.slots.trace! },
          },
          outputs: {},
        };
      },
    }),
  );
  const end = { w: after.w, b: after.b };
  const { loss: reached, scores } = scope("end", () => measured(end));
  const slope = scope("end", () => {
    const g = slopes(end);
    const largest = op.reduceMax(op.abs(g.w), { axes: [0], keepDims: true });
    return op.max(largest, op.abs(g.b));
  });
  return buildModel({
    name: `probe_${loss}`,
    inputs: { x, ...rows, ...standard, ...each1, ...precondition, steps, ...state, ...traces },
    outputs: {
      ...Object.fromEntries(Object.entries(after).map(([name, value]) => [`${name}_next`, value])),
      ...{ loss: reached, slope, scores },
    },
  });
}
