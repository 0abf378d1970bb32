import { loop as loopOver } from "../../graph/control.ts";
import * as op from "../../graph/ops.ts";
import { scope } from "../../graph/value.ts";
import { int64s, tensor } from "../../util/tensor.ts";
import { stateOutputs } from "./state.ts";
import { gathered, rowFeeds, rowInputs, type Wrapper } from "./wrapper.ts";

/** One ONNX Loop. It carries the state from step to step. Batches may have any sizes, so the last one of an epoch is not padded. */
export const loop: Wrapper = {
  name: "loop",
  fixedShapes: false,
  carriesState: false,
  describe: "one Loop over all steps of a run; for CPU and WASM",
  model(config, form) {
    const rows = rowInputs(config, "rows");
    const order = op.input("int64", ["visits"]);
    const batches = op.input("int64", ["steps", 2]);
    const state = form.inputs(config);
    const { carried: before, fixed } = form.carry(config, state);

    const steps = op.squeeze(op.slice(op.shape(batches), { axis: 0, to: 1 }), [0]);
    const trained = scope("train", () =>
      loopOver({
        trips: steps,
        state: before,
        body: (step, carried) => {
          const batch = scope("batch", () => {
            const bounds = op.gather(batches, step);
            const numbers = op.slice(order, {
              axis: 0,
              from: op.slice(bounds, { axis: 0, to: 1 }),
              to: op.slice(bounds, { axis: 0, from: 1 }),
            });
            return gathered(rows, numbers);
          });
          const { carried: next, loss } = form.step(config, batch, carried, fixed);
          return { state: next, outputs: { loss } };
        },
      }),
    );
    return {
      name: `${config.architecture}_${form.name}_loop`,
      inputs: { ...rows, order, batches, ...state },
      outputs: { loss: trained.outputs.loss, ...stateOutputs(form.given(trained.state)) },
    };
  },
  feeds: ({ order, bounds }, source) => [
    {
      ...rowFeeds(source),
      order: tensor("int64", [order.length], order),
      batches: tensor("int64", [bounds.length, 2], int64s(bounds.flatMap(({ from, to }) => [from, to])).data),
    },
  ],
};
