import { ConfigError } from "./errors.ts";

/** Longest name: with what is put behind it, most file systems' 255 bytes. */
const longest = 150;

/** The first part of files' names, when it is one: no way to another folder. @throws {ConfigError} for anything else. */
export function checkFileName(name: string, what = "name"): string {
  const wrong = /[/\\]/.test(name)
    ? "it leads to another folder"
    : name === "" || name === "." || name === ".."
      ? "give it a letter"
      : /\p{Cc}/u.test(name)
        ? "it has control characters"
        : new TextEncoder().encode(name).length > longest
          ? `it has more than ${longest} bytes`
          : undefined;
  if (wrong !== undefined)
    throw new ConfigError(
      `${what} must be the first part of a file name, got ${JSON.stringify(name.slice(0, 80))}: ${wrong}`,
    );
  return name;
}
