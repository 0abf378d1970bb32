import { float16 } from "./float16.ts";
import { float32 } from "./float32.ts";
import { int8 } from "./int8.ts";
import type { WeightType } from "./weightType.ts";

/** Every way to store weights, by the name `--dtype` and metadata use. */
export const weightTypes = { float32, float16, int8 } as const satisfies Record<string, WeightType>;

export type WeightTypeName = keyof typeof weightTypes;
