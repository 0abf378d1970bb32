import { capabilities, type ProviderName } from "../runtime/capabilities.ts";
import { ConfigError } from "../util/errors.ts";

/** @throws {ConfigError} when a provider cannot run a step form. */
export function checkStep(provider: ProviderName, step: string): void {
  const { steps } = capabilities[provider];
  if (!(steps as readonly string[]).includes(step))
    throw new ConfigError(`provider ${provider} cannot run step ${step}, only ${steps.join(", ")}; leave --step out`);
}

/** The step form to ask for: what was asked, else the provider's own; `undefined` leaves it to the configuration. */
export function stepFor(provider: ProviderName, asked: string | undefined): string | undefined {
  if (asked !== undefined) checkStep(provider, asked);
  return asked ?? capabilities[provider].defaultStep ?? undefined;
}
