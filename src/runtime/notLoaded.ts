import { ConfigError } from "../util/errors.ts";

/** What to throw when a provider's package cannot be imported: it is not there, or is and does not load, which has another cure. */
export function notLoaded(provider: string, name: string, cause: unknown): ConfigError {
  return new ConfigError(`provider ${provider}: ${whyNotLoaded(name, cause).join("; ")}`, { cause });
}

/** Why a package cannot be imported, and what to do. */
export function whyNotLoaded(name: string, cause: unknown): readonly [reason: string, fix: string] {
  const { code, message } = cause as NodeJS.ErrnoException;
  const isAbsent = /^(ERR_)?MODULE_NOT_FOUND$/.test(code ?? "") && new RegExp(`'${name}[/']`).test(message);
  return isAbsent
    ? [`the package ${name} is not installed`, `npm install ${name}`]
    : [
        `the package ${name} is installed and does not load (${message.replace(/\s+/g, " ").trim().slice(0, 300)})`,
        `install it again: npm install --force ${name}`,
      ];
}
