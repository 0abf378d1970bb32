import { type Located, locate, type Network, networkOf } from "../../onnx/locate.ts";
import { decodeModel } from "../../onnx/model.ts";
import { nonFloat } from "../../onnx/nonFloats.ts";
import { movable, opsetOf } from "../../onnx/opsets.ts";
import { type Graph, type Model, toNumber } from "../../onnx/proto.ts";
import { converter, irToWrite, notRaised, plainInitializers, raisable } from "../../onnx/raise.ts";
import { isMerged } from "../../onnx/runnable.ts";
import { splice } from "../../onnx/splice.ts";
import { dataTypeName, dataTypes } from "../../onnx/tensors.ts";
import { type FoundValue, namesIn, nearestIn, showValue } from "../../onnx/values.ts";
import { widthOf } from "../../onnx/width.ts";
import { ConfigError } from "../../util/errors.ts";
import { cautionsOf } from "./cautions.ts";
import { type Attachable, attachable } from "./encoder.ts";
import { attachedGraph, type Only } from "./graph.ts";

/** How an encoder is attached. */
export interface AttachOptions {
  /** The activation: a value's name, `NODE:3`, output 3 of a node, or `blocks.14`, the residual stream after a block. */
  readonly tensor: string;
  /** What the new names start with; default `sae`, numbered where the model has such names already. */
  readonly prefix?: string | undefined;
  /** Which of the encoder's outputs the model gives; default `latents`, `top_values`, `top_indices`, as far as it has them. */
  readonly outputs?: readonly string[] | undefined;
  /** Whether the reconstruction takes the activation's place for all its consumers; default false. */
  readonly reconstruct?: boolean | undefined;
  /** Whether the model takes coefficients `steer [latentDim]` and adds their sum of decoder rows to the activation; default false. */
  readonly steer?: boolean | undefined;
  /** Whether the model takes `activation [..., inputDim]` in float32 and puts it in the activation's place; default false. */
  readonly fed?: boolean | undefined;
  /** Only there is the activation changed: a range of positions, or, with `mask`, where a further input `mask` is true. Default: everywhere. */
  readonly positions?: { readonly from: number; readonly to: number } | undefined;
  readonly mask?: boolean | undefined;
  /** The activation's width, where the model does not declare it. */
  readonly width?: number | undefined;
}

/** A model with an encoder attached. */
export interface Attached {
  readonly bytes: Uint8Array;
  /** The activation, as declared. */
  readonly at: FoundValue;
  /** The residual stream it is, by its name: `blocks.14`. */
  readonly hook?: string;
  /** What to know of where it is put: it is no residual stream, or not where the SAE was trained. */
  readonly cautions: readonly string[];
  /** Names of the new inputs and outputs. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** ONNX's number of bfloat16, which this library does not compute with itself. */
const bfloat16 = 16;

/**
 * A model with a frozen encoder on one of its activations: the encoder's outputs, `PREFIX_latents [..., latentDim]` and so on, are
 * further outputs of the model, in float32. Everything else of the model stays, byte for byte. The activation is `[..., inputDim]` in
 * float16, bfloat16, float32 or float64; leading dims become the rows of the encoder.
 * @throws {ConfigError} for an encoder that is none, an activation that is not there, cannot be changed or has another width, opsets
 * that cannot be reconciled, names that are taken.
 */
export function attach(
  host: { readonly bytes: Uint8Array; readonly file: string },
  encoder: { readonly model: Model; readonly file: string },
  options: AttachOptions,
): Attached {
  const model = decodeModel(host.bytes, host.file);
  const sae = attachable(encoder.model, encoder.file);
  const network = networkOf(model, host.bytes, host.file);
  const located = locatedIn(network, options.tensor, sae.inputDim);
  const at = checkedValue(model, sae, located.value, options, host.file);
  const names = namesIn(model);
  const prefix = freePrefix(names, options.prefix, host.file);
  const wanted = wantedOutputs(sae, options, encoder.file);
  const own = opsetOf(model);
  const opset = own !== undefined && own < movable.from ? raisedOpset(model, own, host.file) : own;
  const irVersion = irToWrite(model);
  const { reconstruct = false, steer = false, fed = false } = options;
  const graph = attachedGraph({
    ...{ sae, at, prefix, wanted, reconstruct, steer, fed, opset: opset ?? sae.opset },
    only: onlyThere(model, at, options, host.file),
    files: { host: host.file, encoder: encoder.file },
  });
  refuseOverridden(model, graph, host.file);
  const changes = reconstruct || steer || fed;
  const bytes = splice(
    host.bytes,
    {
      after: at.producer?.node,
      rename:
        (changes || at.absent) && at.producer
          ? { output: at.producer.output, name: `${prefix}/${changes ? "before" : "sum"}` }
          : undefined,
      graph,
      model: {
        ...(own === undefined || opset !== own ? { opsetImport: [{ domain: "", version: opset ?? sae.opset }] } : {}),
        ...(irVersion === undefined ? {} : { irVersion }),
        metadataProps: [
          {
            key: `sae-onnx.${prefix}`,
            value: JSON.stringify({
              tensor: at.name,
              ...(located.hook ? { hook: located.hook.name } : {}),
              ...(options.positions ? { positions: options.positions } : {}),
              ...(changes ? { reconstruct, steer } : {}),
              ...Object.fromEntries(
                ["architecture", "preset", "input_dim", "latent_dim", "k", "layer", "position", "data_digest"].flatMap(
                  (key) => (sae.metadata[key] === undefined ? [] : [[key, sae.metadata[key]]]),
                ),
              ),
            }),
          },
        ],
      },
    },
    host.file,
  );
  return {
    ...{ bytes, at },
    ...(located.hook ? { hook: located.hook.name } : {}),
    cautions: cautionsOf(network, located, sae.metadata, options),
    inputs: (graph.input ?? []).map(({ name }) => name ?? ""),
    outputs: (graph.output ?? []).map(({ name }) => name ?? ""),
  };
}

/** The opset to write an old model in, as it stands. @throws {ConfigError} naming the op that would mean something else there. */
function raisedOpset(model: Model, opset: number, file: string): number {
  const inTheWay = notRaised(model, opset);
  if (inTheWay !== undefined)
    throw new ConfigError(
      `${file}: is of opset ${opset}, an encoder needs ${raisable.to} or later, and ${inTheWay}; ${converter(17)}`,
    );
  return raisable.to;
}

/** The model's own functions may stand for ops of the default domain; whether they do is the runtime's choice. Source: onnx.proto, ModelProto.functions. */
function refuseOverridden(model: Model, added: Graph, file: string): void {
  const ops = new Set(added.node?.map(({ opType }) => opType));
  const own = model.functions?.find(({ domain, name }) => (!domain || domain === "ai.onnx") && ops.has(name));
  if (own)
    throw new ConfigError(
      `${file}: has a function of its own called ${own.name}, an op the encoder needs; rename the function, or give it another domain`,
    );
}

/** Which places of the activation are changed. @throws {ConfigError} where it has no positions, or nothing is changed. */
function onlyThere(
  model: Model,
  { shape, name }: FoundValue,
  { positions, mask = false, reconstruct = false, steer = false }: AttachOptions,
  file: string,
): Only | undefined {
  const flag = positions ? "--positions" : "--mask";
  if (!positions && !mask) return undefined;
  if (positions && mask) throw new ConfigError("--positions and --mask both say where; give one of them");
  if (!reconstruct && !steer)
    throw new ConfigError(`${flag}: says where the activation is changed; add --reconstruct or --steer`);
  if (positions && shape?.length === 2)
    throw new ConfigError(`${file}: "${name}" is [${shape.join(", ")}], it has no positions; use --mask`);
  if (mask) return { by: "mask" };
  const inputs = (model.graph?.input ?? []).map(({ name: own }) => own ?? "");
  const ids = inputs.find((own) => own === "position_ids");
  const past = ids === undefined ? inputs.find((own) => /^past/.test(own)) : undefined;
  return { by: "positions", ...positions!, ids, past };
}

function checkedValue(
  model: Model,
  { inputDim }: Attachable,
  at: FoundValue,
  options: AttachOptions,
  file: string,
): FoundValue {
  if (toNumber(model.irVersion) < plainInitializers.before)
    throw new ConfigError(
      `${file}: is of ONNX IR ${toNumber(model.irVersion)}, from before 2018; save it with IR 4 or later`,
    );
  const other = at.dataType === undefined && at.producer ? nonFloat(model.graph ?? {}, at.name) : undefined;
  if (at.isTensor === false || other !== undefined)
    throw new ConfigError(
      `${file}: "${at.name}" is no float activation (${other ?? "no tensor"}); ${nearestIn(model, at.name, inputDim)}`,
    );
  const floats: readonly number[] = [dataTypes.float32, dataTypes.float16, dataTypes.float64, bfloat16];
  if (at.dataType !== undefined && !floats.includes(at.dataType))
    throw new ConfigError(
      `${file}: ${showValue(at)} is no float activation (${dataTypeName(at.dataType)}); ${nearestIn(model, at.name, inputDim)}`,
    );
  const declared = at.shape?.at(-1);
  const made = widthOf(model, at.name);
  if (made !== undefined && made !== inputDim && made !== declared)
    throw new ConfigError(
      `${file}: ${showValue(at)} is ${made} wide by the weights it is made of, the encoder takes ${inputDim}; ${nearestIn(model, at.name, inputDim)}`,
    );
  const stale = made !== undefined && typeof declared === "number" && declared !== made;
  if (stale && options.width === undefined)
    throw new ConfigError(
      `${file}: ${showValue(at)} is ${made} wide by the weights it is made of; if they are right, add --width ${made}`,
    );
  if (at.shape?.length === 0 || (typeof declared === "number" && declared !== inputDim && !stale))
    throw new ConfigError(
      `${file}: ${showValue(at)} has another width than the encoder's ${inputDim}; ${nearestIn(model, at.name, inputDim)}`,
    );
  if (options.width !== undefined && options.width !== inputDim)
    throw new ConfigError(
      `--width ${options.width}: the encoder takes activations ${inputDim} wide; give its own encoder`,
    );
  if (typeof declared !== "number" && made !== inputDim && options.width === undefined)
    throw new ConfigError(
      `${file}: the model does not declare how wide "${at.name}" is; if it is ${inputDim}, add --width ${inputDim}`,
    );
  if (options.fed && !at.producer)
    throw new ConfigError(`${file}: "${at.name}" is an input of the model; name a value inside it`);
  if ((options.reconstruct || options.steer) && !at.producer)
    throw new ConfigError(
      `${file}: "${at.name}" is an input of the model, nothing in it can be put in its place; feed another one instead of --reconstruct and --steer`,
    );
  if ((options.reconstruct || options.steer || options.fed) && at.absent)
    throw new ConfigError(
      `${file}: nothing reads "${at.name}", so ${options.fed ? "a change of it" : "--reconstruct and --steer"} would change nothing; name the value that goes on`,
    );
  return at;
}

/** A prefix that no name of the model starts with. */
function freePrefix(names: ReadonlySet<string>, asked: string | undefined, file: string): string {
  if (asked !== undefined && !/^[A-Za-z_]\w*$/.test(asked))
    throw new ConfigError(`--prefix: must be letters, digits and _, got "${asked}"`);
  const taken = (prefix: string) =>
    [...names].find((name) => name.startsWith(`${prefix}/`) || name.startsWith(`${prefix}_`));
  const inTheWay = asked === undefined ? undefined : taken(asked);
  if (inTheWay !== undefined)
    throw new ConfigError(`${file}: has a value "${inTheWay}"; give another --prefix than ${asked}`);
  let prefix = asked ?? "sae";
  for (let n = 2; taken(prefix) !== undefined; n++) prefix = `sae${n}`;
  return prefix;
}

function wantedOutputs(
  { outputs }: Attachable,
  { outputs: asked, reconstruct, steer }: AttachOptions,
  file: string,
): string[] {
  const own = [...outputs.keys()].filter((name) => name !== "reconstruction");
  const unknown = asked?.find((name) => !own.includes(name));
  if (unknown !== undefined) throw new ConfigError(`--outputs: ${file} has ${own.join(", ")}, not "${unknown}"`);
  const twice = asked?.find((name, i) => asked.indexOf(name) < i);
  if (twice !== undefined) throw new ConfigError(`--outputs: names ${twice} twice; once is enough`);
  if ((reconstruct || steer) && !outputs.has("reconstruction"))
    throw new ConfigError(
      `${file}: --${reconstruct ? "reconstruct" : "steer"} needs the decoder; give the .autoencoder.onnx beside it`,
    );
  return [...(asked ?? own)];
}

/** Where an encoder is attached. @throws {ConfigError} when it is not there; of a merged decoder, saying what to take instead. */
function locatedIn(network: Network, name: string, width: number): Located {
  try {
    return locate(network, name, width);
  } catch (error) {
    if (!(error instanceof ConfigError) || !isMerged(network.model)) throw error;
    throw new ConfigError(
      `${network.file}: two decoders are joined in an If, and nothing can be attached inside of it (asked for "${name}"); take decoder_model.onnx of the same export (harvest and effect read this one)`,
    );
  }
}
