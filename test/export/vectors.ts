import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import type { VerificationVectors } from "../../src/data/vectors.ts";
import type { FreezeOptions, Part } from "../../src/export/freeze.ts";
import { plainForward, vectorsOf } from "../../src/export/vectors/vectors.ts";

/** The verification vectors of one frozen part. */
export const vectorsFor = (
  checkpoint: Checkpoint,
  part: Part,
  { target = "ort", dtype = "float32" }: FreezeOptions = {},
): VerificationVectors => vectorsOf(plainForward(checkpoint, dtype), part, target);
