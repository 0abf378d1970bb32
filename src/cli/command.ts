import type { Argv, InferredOptionTypes, Options } from "yargs";
import { exampleText } from "./examples.ts";
import { namingFlags } from "./flagNames.ts";
import { withHome } from "./home.ts";
import { helpColumns } from "./terminal.ts";

/** What a verb does: flags as data, and one function. Its name and one-line description are in commands/index.ts. */
export interface Command<O extends Record<string, Options> = Record<string, Options>> {
  /** As yargs writes it: `eval <models..>`. */
  readonly command: string;
  readonly options: O;
  /** Flags of another verb that its errors may be about. */
  readonly also?: Readonly<Record<string, Options>>;
  /** What `<models..>` and the like stand for. */
  readonly positional?: Readonly<
    Record<string, { readonly describe: string; readonly array?: boolean; readonly optional?: boolean }>
  >;
  /** Command lines that work, with what they do. */
  readonly examples: readonly (readonly [string, string])[];
  readonly run: (flags: InferredOptionTypes<O> & { readonly [name: string]: unknown }) => Promise<void>;
}

/** A command, with its flags typed from the table of options. */
export const defineCommand = <O extends Record<string, Options>>(command: Command<O>): Command =>
  command as unknown as Command;

/** Tells yargs about a command. */
export const register = (
  cli: Argv,
  describe: string,
  { command, options, also, positional = {}, examples, run }: Command,
) =>
  cli.command(
    command,
    describe,
    (one) => {
      for (const [name, { describe, array = false, optional = false }] of Object.entries(positional))
        one.positional(name, { type: "string", describe, array, demandOption: !optional });
      return one.options(options).epilogue(exampleText(examples, helpColumns()));
    },
    (given) =>
      namingFlags(Object.keys({ ...options, ...also }), async () => {
        const flags = withHome(given);
        // Loaded here: help needs none of it.
        if (typeof flags.data === "string") await (await import("./unfinished.ts")).noteUnfinished(flags.data);
        return run(flags as never);
      }),
  );
