import { ConfigError } from "../util/errors.ts";

/** Whether a provider can be used on this machine; if not, why, and what to do about it. */
export type Usable =
  | {
      readonly usable: true;
      /** The name of the GPU, where it is told. */
      readonly device?: string | undefined;
    }
  | {
      readonly usable: false;
      /** One line: what is missing. */
      readonly reason: string;
      /** The command that mends it, or what to do where there is none. */
      readonly fix: string;
    };

/** @throws {ConfigError} when the provider cannot be used, with the reason and what to do. */
export function requireUsable(provider: string, found: Usable): void {
  if (!found.usable) throw new ConfigError(`provider ${provider}: ${found.reason}; ${found.fix}`);
}
