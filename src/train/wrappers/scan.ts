import { scan as scanOver } from "../../graph/control.ts";
import * as op from "../../graph/ops.ts";
import { scope } from "../../graph/value.ts";
import { tensor } from "../../util/tensor.ts";
import { batchesOf } from "./padding.ts";
import { stateOutputs } from "./state.ts";
import { gathered, rowFeeds, rowInputs, type Wrapper } from "./wrapper.ts";

/**
 * One ONNX Scan over the batches. It carries the state from step to step. A batch is one row of `order [steps, batchSize]`.
 * All shapes in the body are fixed. So on CUDA the host neither copies nor waits between steps.
 */
export const scan: Wrapper = {
  name: "scan",
  describe: "one Scan over all steps of a run; for CUDA",
  fixedShapes: true,
  carriesState: false,
  model(config, form) {
    const rows = rowInputs(config, "rows");
    const order = op.input("int64", ["steps", config.batchSize]);
    const mask = op.input("float32", ["steps", config.batchSize]);
    const scale = op.input("float32", ["steps"]);
    const state = form.inputs(config);

    const { carried: before, fixed } = form.carry(config, state);
    const trained = scope("train", () =>
      scanOver({
        state: before,
        over: { order, mask, scale },
        body: (carried, batch) => {
          const taken = scope("batch", () => gathered(rows, batch.order));
          const padding = { mask: scope("batch", () => op.unsqueeze(batch.mask, [1])), scale: batch.scale };
          const { carried: next, loss } = form.step(config, { ...taken, padding }, carried, fixed);
          return { state: next, outputs: { loss } };
        },
      }),
    );
    return {
      name: `${config.architecture}_${form.name}_scan`,
      inputs: { ...rows, order, mask, scale, ...state },
      outputs: { loss: trained.outputs.loss, ...stateOutputs(form.given(trained.state)) },
    };
  },
  feeds: (batches, source) => {
    const { batchSize } = source;
    const steps = batches.bounds.length;
    const [order, mask] = [new BigInt64Array(steps * batchSize), new Float32Array(steps * batchSize)];
    const scale = new Float32Array(steps);
    for (const [i, { rows, scale: one }] of batchesOf(batches, batchSize).entries()) {
      // Padding repeats row 0 of the activations. Its mask is 0.
      order.set(rows, i * batchSize);
      mask.fill(1, i * batchSize, i * batchSize + rows.length);
      scale[i] = one;
    }
    const shape = [steps, batchSize];
    return [
      {
        ...rowFeeds(source),
        order: tensor("int64", shape, order),
        mask: tensor("float32", shape, mask),
        scale: tensor("float32", [steps], scale),
      },
    ];
  },
};
