import { scope, type Value } from "../graph/value.ts";
import { ConfigError } from "../util/errors.ts";
import type { Architecture, Keep, Parameter } from "./architecture.ts";
import { type ArchitectureName, architectures, trainable } from "./index.ts";
import { type AnyOptionValues, completeOptions, type Dims } from "./options.ts";
import { keepTop } from "./parts.ts";

/** Everything that says what an SAE computes, apart from its weights. */
export interface SaeSpec extends Dims {
  readonly architecture: ArchitectureName;
  /** The named set of options it started from. */
  readonly preset: string;
  /** Every option of the architecture, complete. */
  readonly options: AnyOptionValues;
}

/** What a specification is made from; options left out come from the preset, then from the architecture. */
export interface SaeRequest extends Dims {
  readonly architecture?: string;
  readonly preset?: string | undefined;
  readonly options?: AnyOptionValues;
}

/**
 * A complete, checked specification. Defaults: architecture `topk`, the architecture's first preset.
 * @throws {ConfigError} for unknown names and values out of range.
 */
export function saeSpec({ architecture = "topk", preset, options = {}, inputDim, latentDim }: SaeRequest): SaeSpec {
  if (typeof architecture !== "string" || !Object.hasOwn(architectures, architecture))
    throw new ConfigError(
      `architecture must be one of ${trainable.map(({ name }) => name).join(", ")}, got ${architecture}`,
    );
  const sae: Architecture = architectures[architecture as ArchitectureName];
  for (const [name, dim] of [
    ["inputDim", inputDim],
    ["latentDim", latentDim],
  ] as const)
    if (!Number.isSafeInteger(dim) || dim < 1)
      throw new ConfigError(`${name} must be an integer of at least 1, got ${dim}`);
  const names = Object.keys(sae.presets);
  const chosen = preset ?? names[0]!;
  if (typeof chosen !== "string" || !Object.hasOwn(sae.presets, chosen))
    throw new ConfigError(`preset of ${architecture} must be one of ${names.join(", ")}, got ${chosen}`);
  const complete = completeOptions(`architecture ${architecture}`, sae.options, sae.presets[chosen]!, options, {
    inputDim,
    latentDim,
  });
  return { architecture: architecture as ArchitectureName, preset: chosen, options: complete, inputDim, latentDim };
}

/** The architecture of a specification. */
export const architectureOf = ({ architecture }: SaeSpec): Architecture => architectures[architecture];

/** The parameters a specification has, in the order they are made. */
export const parametersOf = (spec: SaeSpec): Readonly<Record<string, Parameter>> =>
  Object.fromEntries(
    Object.entries(architectureOf(spec).params(spec, spec.options)).flatMap(([name, one]) =>
      one ? [[name, one]] : [],
    ),
  );

/** The forward pass of a specification, in scopes named as in files; `keep` is how its selection is carried out. */
export function forward(
  spec: SaeSpec,
  x: Value<"float32">,
  params: Readonly<Record<string, Value<"float32">>>,
  keep: Keep = keepTop,
) {
  const sae = architectureOf(spec);
  const code = scope("encode", () => sae.encode(x, params, spec.options, keep));
  const xHat = scope("decode", () => sae.decode(code.z, params, spec.options));
  return { code, xHat };
}
