import type { OpType } from "../../graph/opset.ts";
import type { Value } from "../../graph/value.ts";
import type { Keep } from "../../sae/architecture.ts";
import { ConfigError } from "../../util/errors.ts";

type V = Value<"float32">;

/** For which ONNX runtimes a model is frozen: the opset, and how the k largest of a row are kept with the ops they have. */
export interface Target {
  readonly opsetVersion: number;
  readonly irVersion: number;
  readonly describe: string;
  /** Ops its runtimes do not have: an SAE whose encoder needs one is refused. */
  readonly without?: readonly OpType[];
  /** @throws {ConfigError} naming the reason when these ops cannot express the selection. */
  readonly keep: Keep;
  /** The sum of decoder rows and bias, where the architecture's own ops are not safe. */
  readonly decode?: (z: V, params: Readonly<Record<string, V>>) => V;
}

/** A frozen model's k, which no schedule changes any more. */
export function fixedK(k: number | Value<"int64">): number {
  if (typeof k !== "number")
    throw new ConfigError("a frozen model needs one k for all rows; freeze it without a schedule");
  return k;
}
