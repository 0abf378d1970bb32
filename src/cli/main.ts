#!/usr/bin/env node
import { readFileSync } from "node:fs";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { ConfigError, isExpected } from "../util/errors.ts";
import { visible } from "../util/visible.ts";
import { register } from "./command.ts";
import { verbs } from "./commands/index.ts";
import { note } from "./streams.ts";
import { helpColumns } from "./terminal.ts";
import { checkWords, explain } from "./usage.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};
const args = hideBin(process.argv);
const verb = args.find((word) => !word.startsWith("-"));

const shared = {
  quiet: { type: "boolean", default: false, describe: "no progress on stderr" },
  debug: { type: "boolean", default: false, describe: "show where an error came from" },
} as const;

try {
  const chosen = verb !== undefined && Object.hasOwn(verbs, verb) ? await verbs[verb]!.load() : undefined;
  checkWords(args, verb, Object.keys(verbs), { ...chosen?.options, ...shared });
  const cli = yargs(args)
    .scriptName("sae-onnx")
    .version(version)
    .usage("$0 <verb>: train, freeze and evaluate sparse autoencoders on ONNX Runtime")
    .options(shared)
    .demandCommand(1)
    .strict()
    // Help is laid out at every call, wanted or not. Wrapped that takes 80 ms, of the half second in which `train` starts.
    .wrap(args.some((word) => word.startsWith("--help")) ? helpColumns() : null)
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new ConfigError(explain(message, chosen));
    });
  for (const [name, { describe }] of Object.entries(verbs))
    if (name === verb && chosen) register(cli, describe, chosen);
    else cli.command(name, describe);
  await cli.parseAsync();
} catch (error) {
  if (args.includes("--debug") || !(error instanceof Error)) note((await import("node:util")).inspect(error));
  else if (isExpected(error)) note(`error: ${visible(error.message)}`);
  else note(`error: ${visible(error.message)} (unexpected; --debug shows where)`);
  process.exitCode = 1;
}
