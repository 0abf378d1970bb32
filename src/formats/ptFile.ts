import { PtTensor, readPt, storedOf } from "../data/pt.ts";
import { quote } from "../data/quote.ts";
import type { StoredArray } from "../data/stored.ts";
import { ConfigError } from "../util/errors.ts";
import type { SourceFiles } from "./format.ts";

/** The one file of a source, as `torch.save` wrote it. @throws {ConfigError} as readPt. */
export const ptOfSource = ({ path, files }: SourceFiles) => readPt([...files.values()][0]!, path);

/** Whether the one file of a source is a dictionary with all these keys. */
export function ptHas(source: SourceFiles, ...keys: readonly string[]): boolean {
  try {
    const top = ptOfSource(source);
    return top instanceof Map && keys.every((key) => top.has(key));
  } catch {
    return false;
  }
}

/** The tensors of a state_dict, by name. @throws {ConfigError} when a value is none. */
export function stateDict(value: unknown, file: string, where = "model_state_dict"): ReadonlyMap<string, StoredArray> {
  if (!(value instanceof Map)) throw new ConfigError(`${file}: its ${where} is no dictionary of tensors`);
  return new Map(
    [...(value as Map<unknown, unknown>)].map(([name, one]) => {
      if (!(one instanceof PtTensor))
        throw new ConfigError(`${file}: ${quote(String(name))} in its ${where} is no tensor`);
      return [String(name), storedOf(one, `${file}: tensor ${quote(String(name))}`)];
    }),
  );
}
