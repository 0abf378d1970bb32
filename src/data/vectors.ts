import { ConfigError } from "../util/errors.ts";
import { type HostTensor, sizeOf } from "../util/tensor.ts";
import { quote } from "./quote.ts";
import { readSafetensors, toTensor, writeSafetensors } from "./safetensors.ts";

type Matrix = HostTensor<"float32">;

/** A latent smaller than this share of its row's scale may be zero but for the rounding of float32. */
export const faintShare = 1e-6;

/** One output of a model as it should be. */
export interface ExpectedOutput {
  /** `[rows, width]`, or `[rows]`. */
  readonly value: Matrix;
  /** The unit of each row's differences, `[rows]`: they are divided by it. */
  readonly scale: Matrix;
}

/** How clearly the latents of each row are selected. */
export interface SelectionMargin {
  /**
   * The k-th largest score, `[rows]`; or the threshold of each latent, `[1, latentDim]`, or in each row `[rows, latentDim]`. Infinite where
   * near a tie any latents may follow.
   */
  readonly threshold: Matrix;
  /**
   * How far the k-th score is above the next one, or the nearest latent from its threshold, `[rows]`; as a share of the row's
   * largest magnitude. 1 where there is no other latent.
   */
  readonly gap: Matrix;
}

/** Verification vectors: inputs of a frozen model, and what a forward pass in float64 gives for them. */
export interface VerificationVectors {
  readonly rows: number;
  /** By the names of the model's inputs. */
  readonly inputs: Readonly<Record<string, Matrix>>;
  readonly outputs: Readonly<Record<string, ExpectedOutput>>;
  /** Where latents are selected. */
  readonly selection?: SelectionMargin | undefined;
}

// Files, their names and the metadata of models call the vectors "parity": they keep that word, so that old files still read.
const format = "sae-onnx parity";

/** The vectors as a .safetensors: tensors `input.NAME`, `output.NAME`, `scale.NAME`, `selection.threshold`, `selection.gap`. */
export function writeVectors({ inputs, outputs, selection, rows }: VerificationVectors): Uint8Array<ArrayBuffer> {
  const tensors: Record<string, Matrix> = {};
  for (const [name, value] of Object.entries(inputs)) tensors[`input.${name}`] = value;
  for (const [name, { value, scale }] of Object.entries(outputs)) {
    tensors[`output.${name}`] = value;
    tensors[`scale.${name}`] = scale;
  }
  for (const [name, value] of Object.entries(selection ?? {})) tensors[`selection.${name}`] = value;
  return writeSafetensors(tensors, { format, version: "1", rows: String(rows) });
}

/** The vectors in such a file. @throws {ConfigError} when it is none, or its tensors do not belong together. */
export function readVectors(bytes: Uint8Array, file: string): VerificationVectors {
  const { metadata, tensors } = readSafetensors(bytes, file);
  const damaged = (what: string) => new ConfigError(`${file}: ${what}; export the model again`);
  if (metadata.format !== format || metadata.version !== "1")
    throw damaged(`not verification vectors of this version (format ${quote(metadata.format ?? "unknown")})`);
  const rows = Number(metadata.rows);
  const found = (name: string, dims?: string): Matrix => {
    const stored = tensors.get(name);
    const value = stored && toTensor(stored);
    if (value?.dtype !== "float32") throw damaged(`tensor ${quote(name)} is ${value?.dtype ?? "missing"}`);
    if (dims !== undefined && value.dims.join() !== dims)
      throw damaged(`tensor ${quote(name)} is [${value.dims.join(", ")}], its metadata say ${rows} rows`);
    return value as Matrix;
  };
  const named = (kind: string) =>
    [...tensors.keys()].filter((name) => name.startsWith(`${kind}.`)).map((name) => name.slice(kind.length + 1));
  const outputs = named("output").map((name) => {
    const value = found(`output.${name}`);
    if (value.dims[0] !== rows || sizeOf(value.dims) === 0)
      throw damaged(`tensor ${quote(`output.${name}`)} is [${value.dims.join(", ")}], its metadata say ${rows} rows`);
    return [name, { value, scale: found(`scale.${name}`, String(rows)) }] as const;
  });
  if (outputs.length === 0) throw damaged("it has no expected outputs");
  const margin = () => {
    const shape = tensors.get("selection.threshold")?.shape ?? [];
    const width = outputs.find(([name]) => name === "latents")?.[1].value.dims[1] ?? shape[1];
    const threshold = found(
      "selection.threshold",
      shape.length === 2 ? `${shape[0] === 1 ? 1 : rows},${width}` : String(rows),
    );
    return { threshold, gap: found("selection.gap", String(rows)) };
  };
  return {
    rows,
    inputs: Object.fromEntries(named("input").map((name) => [name, found(`input.${name}`)])),
    outputs: Object.fromEntries(outputs),
    ...(named("selection").length > 0 ? { selection: margin() } : {}),
  };
}
