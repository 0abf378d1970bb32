import type { Keep } from "../../sae/architecture.ts";

/** For which ONNX runtimes a model is frozen: the opset, and how the k largest of a row are kept with the ops they have. */
export interface Target {
  readonly opsetVersion: number;
  readonly irVersion: number;
  readonly describe: string;
  /** @throws {ConfigError} naming the reason when these ops cannot express the selection. */
  readonly keep: Keep;
}
