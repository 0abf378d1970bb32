import { loop } from "./loop.ts";
import type { Wrapper } from "./wrapper.ts";

/** Every way to string steps together, by name. */
export const wrappers = { loop } as const satisfies Record<string, Wrapper>;

export type WrapperName = keyof typeof wrappers;
