#!/usr/bin/env node
import { closest, distance } from "fastest-levenshtein";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { ConfigError, isExpected } from "../util/errors.ts";
import { register } from "./command.ts";
import { commands } from "./commands/index.ts";
import { note } from "./output.ts";

const args = hideBin(process.argv);

try {
  const cli = yargs(args)
    .scriptName("sae-onnx")
    .usage("$0 <verb>: train, freeze and evaluate sparse autoencoders on ONNX Runtime")
    .parserConfiguration({ "camel-case-expansion": true, "duplicate-arguments-array": false, "boolean-negation": true })
    .option("quiet", { type: "boolean", default: false, describe: "no progress on stderr" })
    .option("debug", { type: "boolean", default: false, describe: "show where an error came from" })
    .demandCommand(1, "say what to do: a verb is missing; sae-onnx --help lists them")
    .strict()
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .exitProcess(false)
    .fail((message, error, self) => {
      throw error ?? new ConfigError(withSuggestion(message, self.parsed ? Object.keys(self.parsed.aliases) : []));
    });
  for (const command of commands) register(cli, command);
  await cli.parseAsync();
} catch (error) {
  if (args.includes("--debug") || !(error instanceof Error)) console.error(error);
  else if (isExpected(error)) note(`error: ${error.message}`);
  else note(`error: ${error.message} (unexpected; --debug shows where)`);
  process.exitCode = 1;
}

/** Adds the nearest known name to "Unknown argument: ...". */
function withSuggestion(message: string, flags: readonly string[]): string {
  const unknown = /Unknown (argument|command)s?: ([^,\s]+)/.exec(message);
  if (!unknown) return message.replace(/\s*\n\s*/g, " ");
  const known =
    unknown[1] === "command" || flags.length === 0 ? commands.map(({ command }) => command.split(" ")[0]!) : flags;
  const wanted = unknown[2]!;
  const nearest = closest(wanted, known as string[]);
  const dashes = known === flags ? "--" : "";
  return distance(wanted, nearest) <= Math.max(2, wanted.length / 2)
    ? `${message}; did you mean ${dashes}${nearest}?`
    : `${message}; --help lists what there is`;
}
