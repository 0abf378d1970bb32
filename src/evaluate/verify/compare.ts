import { type ExpectedOutput, faintShare, type VerificationVectors } from "../../data/vectors.ts";
import type { Tensors } from "../../runtime/session.ts";
import { ConfigError } from "../../util/errors.ts";
import type { HostTensor } from "../../util/tensor.ts";

/** What a model may differ by: shares of the row's scale. */
export const bounds = {
  /** Rows whose k-th score is above the next by more than this, or no latent nearer to its threshold, must select the same latents. */
  selection: 1e-5,
  /** Most any number may be off. */
  values: 1e-5,
} as const;

/** How far a model's outputs are from the expected ones. */
export interface Differences {
  /** Latents selected that should not be, or not selected that should. */
  readonly selection: number;
  /** Rows whose selection leaves no choice; in the others only latents as strong as the k-th, or as their threshold, may differ. */
  readonly clearRows: number;
  readonly rows: number;
  /** By output, the largest difference as a share of the row's scale. */
  readonly values: Readonly<Record<string, number>>;
  /** Whether all of it is within the bounds. */
  readonly ok: boolean;
}

/** Compares a run with what it should have given. @throws {ConfigError} when an output is missing or of another shape. */
export function compare({ rows, outputs, selection }: VerificationVectors, found: Tensors): Differences {
  const clear = Array.from({ length: rows }, (_, row) => !selection || selection.gap.data[row]! > bounds.selection);
  const values: Record<string, number> = {};
  let wrong = 0;
  for (const [name, expected] of Object.entries(outputs)) {
    const given = checked(name, expected, found[name]);
    const one = { ...expected, given, width: given.length / rows };
    if (name === "latents" && selection) {
      const compared = latents(one, clear, selection.threshold);
      wrong += compared.wrong;
      values[name] = compared.worst;
    } else if (name === "top_values")
      values[name] = worst(
        { ...one, given: given.map(Math.abs) },
        clear.map(() => true),
      );
    else values[name] = worst(one, clear);
  }
  wrong += misplaced(found);
  const ok = wrong === 0 && Object.values(values).every((share) => share <= bounds.values);
  return { selection: wrong, clearRows: clear.filter(Boolean).length, rows, values, ok };
}

interface Pair extends ExpectedOutput {
  readonly given: Float32Array;
  readonly width: number;
}

function checked(name: string, { value }: ExpectedOutput, given: HostTensor | undefined): Float32Array {
  if (given?.dtype !== "float32" || given.dims.join() !== value.dims.join())
    throw new ConfigError(
      `output ${name} is ${given ? `${given.dtype} [${given.dims.join(", ")}]` : "missing"}, the verification vectors have float32 [${value.dims.join(", ")}]; export the model again`,
    );
  return given.data as Float32Array;
}

/** A difference as a share of the scale; whatever is no number counts as infinite. */
function share(given: number, expected: number, scale: number): number {
  const difference = Math.abs(given - expected);
  if (difference === 0) return 0;
  return difference <= Number.MAX_VALUE && scale > 0 ? difference / scale : Number.POSITIVE_INFINITY;
}

function worst({ value, scale, given, width }: Pair, compared: readonly boolean[]): number {
  return given.reduce((most, one, i) => {
    const row = Math.floor(i / width);
    return compared[row] ? Math.max(most, share(one, value.data[i]!, scale.data[row]!)) : most;
  }, 0);
}

function latents({ value, scale, given, width }: Pair, clear: readonly boolean[], threshold: HostTensor<"float32">) {
  const [rows, perLatent] = [threshold.dims[0]!, threshold.dims.length === 2];
  let [wrong, most] = [0, 0];
  for (const [i, one] of given.entries()) {
    const [expected, row] = [value.data[i]!, Math.floor(i / width)];
    const [size, unit] = [Math.max(Math.abs(one), Math.abs(expected)), scale.data[row]!];
    const differs = (one !== 0) !== (expected !== 0) && !(size <= faintShare * unit);
    const needed = Math.abs(threshold.data[perLatent ? (rows === 1 ? i % width : i) : row]!);
    if (!clear[row] && needed === Number.POSITIVE_INFINITY) continue;
    // At a tie of the k-th largest either may be kept, and a target may keep both.
    if (differs && !clear[row] && share(size, needed, unit) <= bounds.selection) continue;
    if (differs) wrong++;
    most = Math.max(most, share(one, expected, unit));
  }
  return { wrong, worst: most };
}

/** How many of `top_indices` do not name the latent that `top_values` has. */
function misplaced({ latents, top_values, top_indices }: Tensors): number {
  if (!latents || !top_values || !top_indices) return 0;
  const [k, width] = [top_indices.dims[1]!, latents.dims[1]!];
  const at = (i: number) => Math.floor(i / k) * width + Number(top_indices.data[i]);
  return Array.from(top_values.data as Float32Array).filter((value, i) => latents.data[at(i)] !== value).length;
}
