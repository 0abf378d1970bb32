import { closest, distance } from "fastest-levenshtein";
import type { Options } from "yargs";
import { ConfigError } from "../util/errors.ts";
import type { Command } from "./command.ts";
import { synonyms } from "./synonyms.ts";

/** Flags that yargs brings itself. */
const builtIn = ["help", "version"];

/**
 * Checks the words of a command line against what there is, and names the nearest.
 * @throws {ConfigError} for an unknown verb or flag, and for a flag given twice.
 */
export function checkWords(
  args: readonly string[],
  verb: string | undefined,
  verbs: readonly string[],
  options: Readonly<Record<string, Options>>,
): void {
  if (verb !== undefined && !verbs.includes(verb))
    throw new ConfigError(`there is no verb "${verb}"${suggestion(verb, verbs)}; sae-onnx --help lists them`);
  const known = [...Object.keys(options), ...builtIn];
  const seen = new Set<string>();
  for (const word of args) {
    if (word === "--") break;
    const given = /^--?([a-zA-Z][^=]*)/.exec(word)?.[1];
    if (given === undefined) continue;
    const negated = given.startsWith("no-") && isNegatable(given.slice(3), options);
    const flag = negated ? given.slice(3) : given;
    if (!known.includes(flag))
      throw new ConfigError(
        `there is no flag --${flag}${known.includes(synonyms[flag] ?? "") ? `, here it is --${synonyms[flag]}` : suggestion(flag, known, "--")}; sae-onnx ${verb ?? ""} --help lists them`.replace(
          "  ",
          " ",
        ),
      );
    // A flag that joins what it is given may be given again.
    if (seen.has(flag) && !options[flag]?.coerce) throw new ConfigError(`--${flag} is there twice; give it once`);
    seen.add(flag);
  }
}

/** Whether `--no-FLAG` is a flag too: of those that are true or false. */
const isNegatable = (flag: string, options: Readonly<Record<string, Options>>): boolean =>
  options[flag]?.type === "boolean" ||
  (Object.hasOwn(options, flag) && options[flag]!.type === undefined && !options[flag]!.choices);

/** The known word that is nearest, as a question; nothing where none is near. */
export function suggestion(word: string, known: readonly string[], dashes = ""): string {
  const nearest = closest(word, known as string[]);
  return distance(word, nearest) <= Math.max(2, word.length / 2) ? `, did you mean ${dashes}${nearest}?` : "";
}

/** What yargs found wrong, in one line that says what to do. */
export function explain(message: string, command: Command | undefined): string {
  if (!command) return "say what to do: a verb is missing; sae-onnx --help lists them";
  const [name, ...rest] = command.command.split(" ");
  const missing = /^Missing required arguments?: (.*)/.exec(message)?.[1];
  const help = `sae-onnx ${name} --help shows an example`;
  if (missing) {
    const flags = missing.split(", ").map((flag) => `--${flag}`);
    return `${name}: ${flags.join(", ")} ${flags.length > 1 ? "are" : "is"} missing; ${help}`;
  }
  const [, flag, given, choices] = /Argument: (\S+), Given: (.+?), Choices: (.*)/.exec(message) ?? [];
  if (flag) return `${name}: --${flag} must be one of ${choices?.replaceAll('"', "").trim()}, got ${given}; ${help}`;
  if (message.startsWith("Not enough")) return `${name}: ${rest.join(" ")} is missing; ${help}`;
  return `${name}: ${message.replace(/\s*\n\s*/g, " ").trim()}; ${help}`;
}
