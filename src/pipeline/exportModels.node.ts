import { basename, dirname, join } from "node:path";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { ActivationSet } from "../data/activations.ts";
import { describeData } from "../data/describe.ts";
import { splitRows, takeRows } from "../data/split.ts";
import { vectorsPath, writeFrozen } from "../export/files.node.ts";
import type { Part } from "../export/freeze.ts";
import type { TargetName } from "../export/targets/index.ts";
import { type Frozen, freezeWithVectors } from "../export/vectors/vectors.ts";
import type { WeightTypeName } from "../export/weights/index.ts";
import { providers } from "../runtime/providers.node.ts";
import { ConfigError } from "../util/errors.ts";
import { finished } from "./finished.node.ts";
import { type RoundingLoss, roundingLoss } from "./roundingLoss.ts";
import { usableRuntimes, type Verified, verifyModel } from "./verify.node.ts";

/** What to freeze, and how. */
export interface ExportRequest {
  readonly checkpoints: readonly string[];
  readonly parts: readonly Part[];
  readonly target: TargetName;
  readonly dtype: WeightTypeName;
  /** Folder; default: each checkpoint's own. */
  readonly out?: string | undefined;
  /** What the loss of another dtype than float32 is measured on: its validation rows. */
  readonly set?: ActivationSet | undefined;
  readonly trainRows?: number | undefined;
  /** Largest loss in explained variance that is written. */
  readonly maxEvLoss: number;
  readonly onLoss?: (checkpoint: string, loss: RoundingLoss) => void;
  readonly onVerified?: (one: Verified) => void;
}

/** A model that was written. */
export interface Exported {
  readonly part: Part;
  readonly target: TargetName;
  readonly dtype: WeightTypeName;
  readonly path: string;
  readonly parity: string;
  readonly loss?: RoundingLoss | undefined;
}

/** The loss as metadata has it, with the data it was measured on. */
type MeasuredLoss = RoundingLoss & { readonly data_digest: string };

/**
 * Freezes checkpoints and writes each model with its verification vectors. All are made, measured and replayed on every usable provider
 * before the first is written: where one fails, nothing is.
 * @throws {ConfigError} when a checkpoint is not finished, a target or dtype cannot express it, too much is lost, or a provider
 * gives other numbers.
 */
export async function exportFiles(request: ExportRequest): Promise<Exported[]> {
  const { parts, target, dtype, out } = request;
  const { runtimes } = await usableRuntimes();
  const made: (Exported & { frozen: Frozen })[] = [];
  for (const { path: source, checkpoint } of await finished(request.checkpoints)) {
    const loss = dtype === "float32" ? undefined : await measuredLoss(checkpoint, source, request);
    const middle = [target === "ort" ? "" : `.${target}`, dtype === "float32" ? "" : `.${dtype}`].join("");
    const more: Record<string, string> = loss ? { dtype_loss: JSON.stringify(loss) } : {};
    const all = await freezeWithVectors(checkpoint, parts, { target, dtype }, more).catch((error) => {
      throw error instanceof ConfigError ? new ConfigError(`${source}: ${error.message}`) : error;
    });
    for (const [part, frozen] of all) {
      const path = join(out ?? dirname(source), `${basename(source, ".safetensors")}${middle}.${part}.onnx`);
      const verified = await verifyModel(runtimes, frozen.model, frozen.expected, path);
      request.onVerified?.(verified);
      if (!verified.ok)
        throw new ConfigError(`${path}: not written, it differs from its verification vectors (see above)`);
      made.push({ part, target, dtype, path, parity: vectorsPath(path), frozen, ...(loss ? { loss } : {}) });
    }
  }
  for (const { path, frozen } of made) await writeFrozen(path, frozen);
  return made.map(({ frozen: _, ...one }) => one);
}

async function measuredLoss(
  checkpoint: Checkpoint,
  path: string,
  { set, trainRows, dtype, maxEvLoss, onLoss }: ExportRequest,
): Promise<MeasuredLoss> {
  if (!set) throw new ConfigError(`--dtype ${dtype} needs --data: activations to measure on what it costs`);
  if (checkpoint.config.outputDim !== undefined)
    throw new ConfigError(
      `${path}: is a transcoder; what --dtype ${dtype} costs one is not measured yet, export it as float32`,
    );
  const split = splitRows(set, trainRows);
  const validation = takeRows(set.activations, split.validation);
  const loss = await roundingLoss(await providers.cpu.load(), checkpoint, dtype, validation, path);
  onLoss?.(path, loss);
  if (!(loss.explained_variance_loss <= maxEvLoss))
    throw new ConfigError(
      `${path}: ${dtype} loses ${loss.explained_variance_loss.toPrecision(3)} of explained variance, --max-ev-loss allows ${maxEvLoss}; use another --dtype or allow more`,
    );
  return { ...loss, data_digest: (await describeData(set, split)).digest };
}
