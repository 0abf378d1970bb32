import { compat } from "./compat.ts";
import { ort } from "./ort.ts";
import { portable } from "./portable.ts";
import type { Target } from "./target.ts";

/** Every target, by the name `--target` and metadata use. */
export const targets = { ort, portable, compat } as const satisfies Record<string, Target>;

export type TargetName = keyof typeof targets;
