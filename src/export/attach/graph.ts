import { toOpset } from "../../onnx/opsets.ts";
import type { Graph, Node, TensorProto } from "../../onnx/proto.ts";
import { prune, renamed } from "../../onnx/prune.ts";
import { dataTypes, tensorProto } from "../../onnx/tensors.ts";
import type { FoundValue } from "../../onnx/values.ts";
import { ConfigError } from "../../util/errors.ts";
import { int64s, tensor } from "../../util/tensor.ts";
import type { Attachable } from "./encoder.ts";

/** First opset with CastLike. */
const castLikeSince = 15;

/** Which places of the leading dims are changed: those an input `PREFIX_mask` says, or positions from one to another. */
export type Only =
  | { readonly by: "mask" }
  | {
      readonly by: "positions";
      /** Both included; counted from the end of what is fed where negative. */
      readonly from: number;
      readonly to: number;
      /** The value that says the position of each token, `[batch, sequence]`; else an input whose dim 2 is the number of earlier tokens. */
      readonly ids?: string | undefined;
      readonly past?: string | undefined;
    };

interface Writing {
  readonly sae: Attachable;
  readonly at: FoundValue;
  readonly prefix: string;
  readonly wanted: readonly string[];
  readonly reconstruct: boolean;
  readonly steer: boolean;
  readonly fed: boolean;
  /** Where the activation is changed; everywhere without one. */
  readonly only?: Only | undefined;
  /** The opset to write in. */
  readonly opset: number;
  readonly files: { readonly host: string; readonly encoder: string };
}

/** The new nodes: the activation as float32 rows, the encoder, its outputs in the activation's leading dims. */
export function attachedGraph(writing: Writing): Graph {
  const { sae, at, prefix, wanted, reconstruct, steer, fed, only, opset, files } = writing;
  const name = (own: string) => `${prefix}/${own}`;
  const nodes: Node[] = [];
  const constants: TensorProto[] = [];
  const emit = (opType: string, input: string[], output: string, attribute: Node["attribute"] = []) => {
    nodes.push({ opType, name: `${output}:${opType}`, input, output: [output], attribute });
    return output;
  };
  const int = (attribute: string, i: number) => ({ name: attribute, type: 2, i });
  const ints = (own: string, ...values: number[]) => {
    constants.push(tensorProto(name(own), int64s(values)));
    return name(own);
  };
  const source = reconstruct || steer || fed ? name("before") : at.absent ? name("sum") : at.name;
  const isFloat = at.dataType === dataTypes.float32;
  const isRows = at.shape?.length === 2;

  const floats = isFloat ? source : emit("Cast", [source], name("float32"), [int("to", dataTypes.float32)]);
  const rows = isRows ? floats : emit("Reshape", [floats, ints("rows_shape", -1, sae.inputDim)], name("rows"));
  const lead = isRows
    ? ""
    : emit(
        "Slice",
        [emit("Shape", [source], name("shape")), ints("first", 0), ints("last", -1), ints("axis", 0)],
        name("lead"),
      );
  /** `[rows, width]` in the activation's leading dims. */
  const unfold = (value: string, width: number, output: string) => {
    const shape = emit("Concat", [lead, ints(`${output}/width`, width)], name(`${output}/shape`), [int("axis", 0)]);
    return emit("Reshape", [value, shape], output);
  };

  // Outputs in two dims are named at once.
  const needed = [...wanted, ...(reconstruct ? ["reconstruction"] : [])];
  const inner = prune(sae.graph, needed.concat(steer ? ["W_dec", "W_dec_scale"] : []), files.encoder);
  const rename = (own: string) =>
    own === "activations" ? rows : isRows && wanted.includes(own) ? `${prefix}_${own}` : name(own);
  const moved = toOpset(renamed(inner, rename), sae.opset, opset, `${files.host}: ${files.encoder}`);
  nodes.push(...(moved.node ?? []));
  if (!isRows) for (const own of wanted) unfold(name(own), sae.outputs.get(own)!.width, `${prefix}_${own}`);

  /** `W_dec [latentDim, inputDim]` in float32, however it is stored: as it is, in float16, or as whole numbers times a scale each row. */
  const decoderRows = (): string => {
    const stored = (own: string) => inner.initializer?.find((one) => one.name === own);
    const W = stored("W_dec");
    if (!W) throw new ConfigError(`${files.encoder}: --steer needs its decoder rows W_dec; export it again`);
    if (W.dataType === dataTypes.float32) return name("W_dec");
    const cast = emit("Cast", [name("W_dec")], name("W_dec/float32"), [int("to", dataTypes.float32)]);
    return stored("W_dec_scale") ? emit("Mul", [cast, name("W_dec_scale")], name("W_dec/rows")) : cast;
  };
  /** Whether each row is changed, `[..., 1]`. */
  const where = (chosen: Only): string => {
    const axis = (own: string, value: number) => ints(`only/${own}`, value);
    /** opset 13 made the axes of Unsqueeze an input. */
    const column = (value: string, own: string) =>
      opset >= 13
        ? emit("Unsqueeze", [value, axis(`${own}/axis`, -1)], name(own))
        : emit("Unsqueeze", [value], name(own), [{ name: "axes", type: 7, ints: [-1] }]);
    if (chosen.by === "mask") return column(`${prefix}_mask`, "only");
    const shape = emit("Shape", [source], name("only/shape"));
    const scalar = (own: string, value: number) => {
      constants.push(tensorProto(name(`only/${own}`), tensor("int64", [], BigInt64Array.of(BigInt(value)))));
      return name(`only/${own}`);
    };
    const length = emit("Gather", [shape, scalar("sequence", -2)], name("only/length"));
    const index = emit("Range", [scalar("zero", 0), length, scalar("one", 1)], name("only/index"));
    const before =
      chosen.past === undefined
        ? undefined
        : emit(
            "Gather",
            [emit("Shape", [chosen.past], name("only/past")), scalar("past_axis", 2)],
            name("only/before"),
          );
    const absolute = chosen.ids ?? (before === undefined ? index : emit("Add", [index, before], name("only/position")));
    /** Whether a position is less than a bound. */
    const less = (bound: number, own: string) =>
      bound >= 0
        ? emit("Less", [absolute, scalar(`${own}/bound`, bound)], name(own))
        : emit("Less", [index, emit("Add", [length, scalar(`${own}/bound`, bound)], name(`${own}/end`))], name(own));
    const notBefore = emit("Not", [less(chosen.from, "only/too_early")], name("only/from"));
    // -1 is the last there is.
    const fits =
      chosen.to === -1 ? notBefore : emit("And", [notBefore, less(chosen.to + 1, "only/to")], name("only/both"));
    return column(fits, "only");
  };
  if (reconstruct || steer || fed) {
    // What is left alone stays as it was, bit for bit: it is chosen in the activation's own type.
    const changed = only ? name("changed") : at.name;
    const back = (value: string): string =>
      isFloat
        ? emit("Identity", [value], changed)
        : at.dataType !== undefined
          ? emit("Cast", [value], changed, [int("to", at.dataType)])
          : emit("CastLike", [value, source], changed);
    if (at.dataType === undefined && opset < castLikeSince)
      throw new ConfigError(
        `${files.host}: the element type of ${at.name} is not declared, and opset ${opset} has no CastLike; infer the model's shapes first`,
      );
    const base = fed
      ? `${prefix}_activation`
      : !reconstruct
        ? floats
        : isRows
          ? name("reconstruction")
          : unfold(name("reconstruction"), sae.inputDim, name("replaced"));
    const push = steer ? emit("MatMul", [`${prefix}_steer`, decoderRows()], name("push")) : undefined;
    const isDouble = at.dataType === dataTypes.float64;
    if (push === undefined) back(base);
    else if (reconstruct || !isDouble) back(emit("Add", [base, push], name("steered")));
    // In float32 the activation would lose digits though it is pushed nowhere.
    else emit("Add", [source, emit("Cast", [push], name("push/float64"), [int("to", dataTypes.float64)])], changed);
    if (only) emit("Where", [where(only), changed, source], at.name);
  }
  const dim = (size: number | string) =>
    typeof size === "number" ? { dimValue: size } : size === "?" ? {} : { dimParam: size };
  const declare = (own: string, elemType: number, shape: readonly (number | string)[] | undefined) => ({
    name: own,
    type: { tensorType: { elemType, ...(shape ? { shape: { dim: shape.map(dim) } } : {}) } },
  });
  return {
    node: nodes,
    initializer: [...constants, ...(moved.initializer ?? [])],
    input: [
      ...(steer ? [declare(`${prefix}_steer`, dataTypes.float32, [sae.latentDim])] : []),
      ...(fed ? [declare(`${prefix}_activation`, dataTypes.float32, at.shape)] : []),
      ...(only?.by === "mask" ? [declare(`${prefix}_mask`, dataTypes.bool, at.shape?.slice(0, -1))] : []),
    ],
    output: wanted.map((own) => {
      const { dataType, width } = sae.outputs.get(own)!;
      return declare(`${prefix}_${own}`, dataType, at.shape && [...at.shape.slice(0, -1), width]);
    }),
  };
}
