import { tensorsOf, type Weights } from "../checkpoint/checkpoint.ts";
import type { TrainConfig } from "../config/config.ts";
import { readBytes } from "../data/files.node.ts";
import { digest } from "../util/digest.ts";
import { ConfigError } from "../util/errors.ts";
import { finishedCheckpoint } from "./finished.node.ts";

/** Weights that trainings start from, and what names them in their configurations. */
export interface Start {
  readonly file: string;
  readonly tensors: Weights;
  /** SHA-256 of the checkpoint's bytes. */
  readonly digest: string;
}

/** The weights of a finished checkpoint. @throws {ConfigError} when it cannot be read, or its training is not finished. */
export async function readStart(file: string): Promise<Start> {
  const bytes = await readBytes(file);
  return { file, tensors: finishedCheckpoint(bytes, file).tensors, digest: await digest(bytes) };
}

/** @throws {ConfigError} when the weights are not those of a configuration, by name and shape. */
export function checkStart({ file, tensors }: Start, config: TrainConfig): void {
  const wanted = tensorsOf(config);
  const named = `${config.architecture} with these options`;
  for (const [name, { shape }] of Object.entries(wanted)) {
    const found = tensors[name] ? `[${tensors[name].dims.join(", ")}]` : "missing";
    if (found !== `[${shape.join(", ")}]`)
      throw new ConfigError(
        `--init-from: ${file}: ${name} is ${found}, ${named} needs [${shape.join(", ")}]; give a checkpoint of the same shapes`,
      );
  }
  const extra = Object.keys(tensors).find((name) => !Object.hasOwn(wanted, name));
  if (extra !== undefined)
    throw new ConfigError(
      `--init-from: ${file}: has ${extra}, which ${named} has not${extra === "b_dec" ? "; add --decoder-bias" : "; give a checkpoint of the same shapes"}`,
    );
}
