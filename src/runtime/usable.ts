import { ConfigError } from "../util/errors.ts";

/** Whether a provider can be used on this machine; if not, why, and what to do about it. */
export type Usable =
  | {
      readonly usable: true;
      /** Name of the GPU, where the driver tells it. */
      readonly device?: string | undefined;
    }
  | {
      readonly usable: false;
      /** One line: what is missing. */
      readonly reason: string;
      /** The command that helps, or what to do where no command does. */
      readonly fix: string;
    };

/** @throws {ConfigError} when the provider cannot be used, with the reason and what to do. */
export function requireUsable(provider: string, found: Usable): void {
  if (!found.usable) throw new ConfigError(`provider ${provider}: ${found.reason}; ${found.fix}`);
}
