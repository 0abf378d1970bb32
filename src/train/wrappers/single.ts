import * as op from "../../graph/ops.ts";
import { type HostTensor, tensor } from "../../util/tensor.ts";
import { batchesOf } from "./padding.ts";
import { stateOutputs } from "./state.ts";
import { rowInputs, type Wrapper } from "./wrapper.ts";

/**
 * One step a run, for providers without Loop and Scan. The state stays in the session.
 * Only a batch `x [batchSize, inputDim]` goes to the device, and only its loss comes back.
 * The graph has no integers but the indices that TopK gives.
 */
export const single: Wrapper = {
  name: "single",
  describe: "one run per step, the state kept on the device; for WebGPU",
  fixedShapes: true,
  carriesState: true,
  model(config, form) {
    const { activations: x, targets } = rowInputs(config, config.batchSize);
    const mask = op.input("float32", [config.batchSize, 1]);
    const scale = op.input("float32", []);
    const state = form.inputs(config);
    const { carried: before, fixed } = form.carry(config, state);
    const { carried, loss } = form.step(config, { x, target: targets ?? x, padding: { mask, scale } }, before, fixed);
    return {
      name: `${config.architecture}_${form.name}_single`,
      inputs: { x, ...(targets ? { targets } : {}), mask, scale, ...state },
      outputs: { loss, ...stateOutputs(form.given(carried)) },
    };
  },
  *feeds(batches, data) {
    for (const { rows, scale } of batchesOf(batches, data.batchSize))
      yield {
        x: taken(rows, data.activations, data.batchSize),
        ...(data.targets ? { targets: taken(rows, data.targets, data.batchSize) } : {}),
        mask: tensor("float32", [data.batchSize, 1], new Float32Array(data.batchSize).fill(1, 0, rows.length)),
        scale: tensor("float32", [], Float32Array.of(scale)),
      };
  },
};

/** Some rows of a matrix, followed by rows of zeros up to the size of a batch. */
function taken(rows: BigInt64Array, all: HostTensor<"float32">, batchSize: number): HostTensor<"float32"> {
  const width = all.dims[1]!;
  const data = new Float32Array(batchSize * width);
  for (const [i, row] of rows.entries())
    data.set(all.data.subarray(Number(row) * width, (Number(row) + 1) * width), i * width);
  return tensor("float32", [batchSize, width], data);
}
