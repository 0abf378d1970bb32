import type { TrainConfig } from "../../config/config.ts";
import { buildModel } from "../../graph/build.ts";
import * as op from "../../graph/ops.ts";
import { packModel } from "../../onnx/model.ts";
import type { Runtime } from "../../runtime/session.ts";
import { outputDimOf } from "../../sae/dims.ts";
import { decode, encode, parametersOf, skipped, statesOf } from "../../sae/spec.ts";
import { sliceRows } from "../../util/tensor.ts";
import type { ResidentRows } from "../rows.ts";
import { scalingShapes } from "../scaling.ts";
import { stateShapes, type TrainState } from "../state.ts";
import { seen } from "../steps/update.ts";

/** Rows that a run measures. */
const rowsPerRun = 1024;

/** The squared error of each row as a training step would rebuild it now: |x - xHat|^2, in the scale that training sees. */
export async function rowErrors(
  runtime: Runtime,
  config: TrainConfig,
  state: TrainState,
  { activations, targets }: ResidentRows,
  threads: number | undefined,
): Promise<Float64Array> {
  const shapes = stateShapes(config);
  const names = [parametersOf(config), statesOf(config), scalingShapes(config)].flatMap(Object.keys);
  const given = Object.fromEntries(names.map((name) => [name, op.input("float32", shapes[name]!)]));
  const x = op.input("float32", ["rows", config.inputDim]);
  const target = targets ? op.input("float32", ["rows", outputDimOf(config)]) : x;
  const batch = seen({ x, target }, given);
  const { z } = encode(config, batch.x, given, { mode: "train", state: given });
  const error = op.sub(decode(config, z, given, skipped(config, batch.x, given)), batch.target);
  const squares = op.reduceSum(op.mul(error, error), { axes: [1] });
  const inputs = { x, ...(targets ? { target } : {}), ...given };
  const session = await runtime.open(packModel(buildModel({ inputs, outputs: { squares } })), { threads });
  try {
    const rows = activations.dims[0]!;
    const all = new Float64Array(rows);
    for (let from = 0; from < rows; from += rowsPerRun) {
      const to = Math.min(from + rowsPerRun, rows);
      const fed = {
        x: sliceRows(activations, from, to),
        ...(targets ? { target: sliceRows(targets, from, to) } : {}),
      };
      const found = await session.run({ ...fed, ...Object.fromEntries(names.map((name) => [name, state[name]!])) });
      all.set(Array.from(found.squares!.data as Float32Array), from);
    }
    return all;
  } finally {
    await session.release();
  }
}
