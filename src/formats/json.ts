import { z } from "zod";
import { quote } from "../data/quote.ts";
import { ConfigError } from "../util/errors.ts";
import { parseSmall } from "../util/json.ts";
import { checkNotMistaken } from "../util/mistaken.ts";
import type { SourceFiles } from "./format.ts";

/** A JSON file of the source, checked: a key of another type or value is refused by its name. Unknown keys: `strict` schemas refuse them. */
export function readJson<T extends z.ZodType>({ path, files }: SourceFiles, name: string, schema: T): z.infer<T> {
  const file = `${path}/${name}`;
  checkNotMistaken(files.get(name) ?? "", file);
  let json: unknown;
  try {
    json = parseSmall(new TextDecoder().decode(files.get(name)));
  } catch (error) {
    throw new ConfigError(`${file}: is not JSON (${(error as Error).message}); get the file again`);
  }
  const { data, error } = schema.safeParse(json);
  if (error) {
    const issue = error.issues[0]!;
    const { path: at, message } = issue;
    if (issue.code === "unrecognized_keys")
      throw new ConfigError(
        `${file}: ${issue.keys.map((key) => quote([...at, key].join("."))).join(", ")} not known here, and may change what the SAE computes; delete from the file what only says how it was trained`,
      );
    const value = at.reduce<unknown>((of, key) => (Object(of) as Record<PropertyKey, unknown>)[key], json);
    const shown = value === undefined ? "missing" : `${JSON.stringify(value).slice(0, 80)}: ${message}`;
    throw new ConfigError(`${file}: ${at.join(".") || "the file"} is ${shown}`);
  }
  return data as z.infer<T>;
}

/** A setting that only these values can be imported with. */
export const only = <const V extends readonly (string | number | boolean | null)[]>(...values: V) =>
  z.literal(values as unknown as [V[number], ...V[number][]], {
    error: () => `not supported here, only ${values.map(String).join(" or ")}`,
  });

/** The text of a JSON file. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;
