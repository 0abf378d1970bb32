import { loop } from "./loop.ts";
import { scan } from "./scan.ts";
import { single } from "./single.ts";
import type { Wrapper } from "./wrapper.ts";

/** Every way to string steps together, by name. */
export const wrappers = { loop, scan, single } as const satisfies Record<string, Wrapper>;

export type WrapperName = keyof typeof wrappers;
