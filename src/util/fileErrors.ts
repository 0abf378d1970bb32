import { ConfigError } from "./errors.ts";

/** What the system's codes mean, and what to do. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder; check the path",
  EACCES: "permission denied; change the permissions or use another path",
  EPERM: "not permitted; change the permissions or use another path",
  EISDIR: "is a folder; name a file",
  ENOTDIR: "a part of the path is a file, not a folder; use another path",
  EEXIST: "a part of the path is a file, not a folder; use another path",
  EROFS: "the file system is read-only; use another path",
  ENOSPC: "no space left on the disk; free some or use another path",
  EDQUOT: "disk quota exceeded; free some space or use another path",
  EMFILE: "too many open files; close some or raise the limit",
  ELOOP: "its links lead round in a circle; name a file",
  ENAMETOOLONG: "the name is too long; use a shorter one",
};

/** What to throw when a file cannot be read. */
export const readError = (path: string, cause: unknown) =>
  new ConfigError(`${path}: cannot read, ${reason(cause)}`, { cause });

/** What to throw when a file cannot be written. */
export const writeError = (path: string, cause: unknown) =>
  new ConfigError(`${path}: cannot write, ${reason(cause)}`, { cause });

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : (reasons[code] ?? `${message}; use another path`);
}
