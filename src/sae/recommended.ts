import type { AnyOptionValues } from "../util/options.ts";
import type { Chosen } from "./architecture.ts";

/**
 * The defaults of training that every preset `recommended` begins with. docs/architectures.md has what they were chosen by. Rows are
 * scaled to one mean length, so that rates and thresholds mean the same for every data set. The learning rate is high, and falls over the
 * last fifth of all steps. Dead latents get AuxK's gradient after some 5,000 rows.
 */
const common = ({ inputDim, latentDim }: Chosen["dims"]): AnyOptionValues => ({
  inputScale: "rows",
  learningRate: 4e-3,
  schedule: "linear",
  warmup: 0.05,
  decay: 0.2,
  auxK: Math.max(1, Math.min(Math.floor(latentDim / 4), Math.floor(inputDim / 2))),
  auxCoefficient: 0.25,
  deadSteps: 20,
});

/** Defaults of training that hold for preset `recommended` only: the common ones, and the architecture's own. */
export const recommended =
  (own: AnyOptionValues | ((chosen: Chosen) => AnyOptionValues)) =>
  (_options: unknown, chosen: Chosen): AnyOptionValues =>
    chosen.preset === "recommended"
      ? { ...common(chosen.dims), ...(typeof own === "function" ? own(chosen) : own) }
      : {};
