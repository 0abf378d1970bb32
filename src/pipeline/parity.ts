import { needsAll, type StepName, stepNames, type TrainConfig } from "../config/config.ts";
import { type Capabilities, capabilities, type ProviderName } from "../runtime/capabilities.ts";
import type { Runtime } from "../runtime/session.ts";
import type { Usable } from "../runtime/usable.ts";
import { type Distance, distance, firstSteps } from "../train/firstSteps.ts";
import { steps } from "../train/steps/index.ts";
import { type WrapperName, wrappers } from "../train/wrappers/index.ts";
import type { HostTensor } from "../util/tensor.ts";

/** One provider, step form and wrapper beside the CPU's dense Loop. */
export interface ParityRow {
  readonly provider: ProviderName;
  readonly step: string;
  readonly wrapper: WrapperName;
  /** How far it is from the reference; `null` where it was not run. */
  readonly distance: Distance | null;
  /** Why it was not run, or failed. */
  readonly note: string;
}

/** A provider to compare: whether it can be used, and how to get it. */
type Candidate = { readonly usable: () => Promise<Usable>; readonly load: () => Promise<Runtime> };

/** What is compared. */
export interface ParityRequest {
  readonly config: TrainConfig;
  readonly activations: HostTensor<"float32">;
  /** Default 50. */
  readonly count?: number;
  readonly onRow?: (row: ParityRow) => void;
}

/** Why a provider, or the configuration, has no such training at all; `undefined` where it has. */
function whyNot(config: TrainConfig, provider: ProviderName, step: StepName, wrapper: WrapperName): string | undefined {
  const able: Capabilities = capabilities[provider];
  if (!able.wrappers.includes(wrapper)) return `none: ${provider} has no kernel of ${wrapper}`;
  if (!able.steps.includes(step)) return `none: ${provider} runs step ${able.steps.join(", ")} only`;
  if (steps[step].grows && wrappers[wrapper].fixedShapes) return `none: rows that grow need loop`;
  const reason = step === "live" ? needsAll(config) : undefined;
  return reason && `none: ${reason}`;
}

/**
 * Trains the same first steps - same weights, same order - on every provider, in every step form and wrapper. One that does
 * not exist, cannot be used here, or fails, has a row that says why.
 */
export async function parity(
  providers: Readonly<Record<ProviderName, Candidate>>,
  { config, activations, count = 50, onRow = () => {} }: ParityRequest,
): Promise<ParityRow[]> {
  const of = (step: TrainConfig["step"]): TrainConfig => ({ ...config, step });
  const first = (runtime: Runtime, step: TrainConfig["step"], wrapper: WrapperName) =>
    firstSteps(runtime, of(step), { activations }, { count, wrapper, threads: 1 });
  const reference = await first(await providers.cpu.load(), "dense", "loop");
  const rows: ParityRow[] = [];
  const add = (row: ParityRow) => {
    rows.push(row);
    onRow(row);
  };
  for (const provider of Object.keys(capabilities) as ProviderName[]) {
    const found = await providers[provider].usable();
    for (const step of [...stepNames].reverse())
      for (const wrapper of Object.keys(wrappers) as WrapperName[]) {
        const row = { provider, step, wrapper };
        const impossible = whyNot(config, provider, step, wrapper);
        if (impossible !== undefined) add({ ...row, distance: null, note: impossible });
        else if (found.usable) {
          const run = providers[provider].load().then((runtime) => first(runtime, step, wrapper));
          add(
            await run.then(
              (one) => ({ ...row, distance: distance(config, one, reference), note: "" }),
              (error: Error) => ({ ...row, distance: null, note: `failed: ${error.message}` }),
            ),
          );
        } else add({ ...row, distance: null, note: `not measured here: ${found.reason}` });
      }
  }
  return rows;
}
