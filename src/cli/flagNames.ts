/** @file Errors of the library name options as code has them; on the command line they are flags. */
import { isExpected } from "../util/errors.ts";

/** The option that a flag sets: `--aux-k` is `auxK`. */
const optionOf = (flag: string): string => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** What an error begins with that is about one option, behind the name of a call or an architecture. */
const beginning = /^(?:synthesize: |([\w-]+: ))?([a-z]\w*)(?= (?:must|is|needs|sets|holds|live) )/;

/** No part of a longer word, of a path, of a shape such as `[rows, inputDim]`, or of a text in quotes. */
const [before, after] = ["(?<![\\w.\"'`[/-])", "(?![\\w\"'`\\]/-]|\\.\\w)"];

/**
 * A message with flags in place of the options that they set: `--learning-rate` for `learningRate`. A name of one small word, such as
 * `k`, may be a word of the sentence or a column of a file too, so only one that a message begins with is a flag's.
 */
export function inFlags(message: string, flags: readonly string[]): string {
  const byOption = new Map(flags.map((flag) => [optionOf(flag), `--${flag}`]));
  const words = [...byOption.keys()].filter((name) => /[A-Z]/.test(name));
  const within =
    words.length === 0
      ? message
      : message.replace(new RegExp(`${before}(?:${words.join("|")})${after}`, "g"), (name) => byOption.get(name)!);
  return within
    .replace(beginning, (whole, prefix = "", name: string) =>
      byOption.has(name) ? prefix + byOption.get(name)! : whole,
    )
    .replace(/^synthesize: /, "");
}

/** Does a verb's work; an error of it names the flags that the verb has. */
export async function namingFlags(flags: readonly string[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error && isExpected(error)) error.message = inFlags(error.message, flags);
    throw error;
  }
}
