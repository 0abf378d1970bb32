import type { StepName } from "../../sae/config.ts";
import { dense } from "./dense.ts";
import { live } from "./live.ts";
import type { StepForm } from "./step.ts";

/** Every way to write a training step, by name. */
export const steps: Readonly<Record<StepName, StepForm>> = { live, dense };
