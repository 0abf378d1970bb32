import { dense } from "./dense.ts";
import { live } from "./live.ts";
import type { StepForm } from "./step.ts";

/** Every way to write a training step, by name. */
export const steps = { dense, live } as const satisfies Record<string, StepForm>;

export type StepName = keyof typeof steps;
