import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { SaidIn } from "../sae/saidIn.ts";
import { architectureOf, type SaeSpec } from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import { unsignedConfig } from "./unsigned.ts";

/**
 * A format's words for what an SAE computes, as its architecture says them; `has` is what the format has words for.
 * @throws {ConfigError} when it has none for this SAE: why, and what works instead.
 */
export function wordsFor<F extends keyof SaidIn>(
  format: F,
  { config }: Checkpoint,
  file: string,
  has: string,
): NonNullable<SaidIn[F]> {
  const { architecture, options, inputDim, outputDim, skip } = config;
  const said = saidOf(config);
  const words = said[format];
  // Only transcoders skip, but for sparsify's SAEs.
  const skips = skip === true && outputDim === undefined;
  if (words && !(skips && format !== "sparsify")) return words;
  if (skips)
    throw new ConfigError(
      `${file}: is an SAE with a skip connection, which only sparsify has; export it with --format sparsify or as .onnx`,
    );
  if (outputDim !== undefined)
    throw new ConfigError(
      `${file}: is a transcoder, from ${inputDim} to ${outputDim} dimensions${skip ? ", with a skip connection" : ""}; --format ${format} has no words for it, export it as .onnx`,
    );
  const settings = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  const withoutSigns = unsignedConfig(config);
  const others = [
    ...(withoutSigns && saidOf(withoutSigns)[format] ? ["with --unsigned (exact, with twice the latents)"] : []),
    ...Object.keys(said).map((name) => `with --format ${name}`),
  ];
  throw new ConfigError(
    `${file}: ${has}; this is ${architecture} (${settings.join(", ")}); export it ${[...others, "as .onnx"].join(" or ")}`,
  );
}

const saidOf = (spec: SaeSpec): SaidIn => architectureOf(spec).saidIn?.(spec.options, spec) ?? {};
