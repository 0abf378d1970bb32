import type { StepName } from "../../config/config.ts";
import { dense } from "./dense.ts";
import type { StepForm } from "./form.ts";
import { live } from "./live/live.ts";

/** Every way to write a training step, by name. */
export const steps: Readonly<Record<StepName, StepForm>> = { live, dense };
