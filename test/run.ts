import { buildModel } from "../src/graph/build.ts";
import type { Values } from "../src/graph/control.ts";
import { packModel } from "../src/onnx/model.ts";
import { cpu } from "../src/runtime/cpu.node.ts";
import type { Tensors } from "../src/runtime/session.ts";

/** Builds a model from named values and runs it once on the CPU. */
export async function evaluateGraph(inputs: Values, outputs: Values, feeds: Tensors) {
  const session = await cpu.open(packModel(buildModel({ inputs, outputs })), { threads: 1 });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

/** Numbers of a tensor. */
export const numbers = (data: ArrayLike<number | bigint>): number[] => Array.from(data, Number);
