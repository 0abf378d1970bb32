import { loop } from "./loop.ts";
import { scan } from "./scan.ts";
import { step } from "./step.ts";
import type { Wrapper } from "./wrapper.ts";

/** Every way to string steps together, by name. */
export const wrappers = { loop, scan, step } as const satisfies Record<string, Wrapper>;

export type WrapperName = keyof typeof wrappers;
