import { inferShapes } from "./inference/infer.ts";
import type { Model } from "./proto.ts";

/**
 * The last dim of a value of the main graph, where the weights it is made of say it, whatever is declared of it: declarations go stale
 * when a model is changed. `undefined` where an op in between is none of those that are followed.
 */
export function widthOf(model: Model, name: string): number | undefined {
  const shape = inferShapes(model).get(name);
  const last = shape && !shape.open && shape.dims.length === 0 ? 1 : shape?.dims.at(-1);
  return typeof last === "number" ? last : undefined;
}
