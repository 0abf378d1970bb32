import { buildModel } from "../../graph/build.ts";
import * as op from "../../graph/ops.ts";
import type { Value } from "../../graph/value.ts";
import type { Model } from "../../onnx/proto.ts";
import type { Session } from "../../runtime/session.ts";
import { type HostTensor, int64s, sliceRows, tensor, zeros } from "../../util/tensor.ts";
import type { OpenModel } from "./open.ts";

type V = Value<"float32">;

/** Most steps of conjugate gradients. */
const mostSteps = 30;
/** This share of the training rows decides when to stop. */
const heldShare = 0.2;

/**
 * The squared error that is left when only the decoder is trained: the encoder is random, `encoder [latentDim, width]`, and keeps the k
 * entries of largest magnitude of each row with their sign; the decoder is fitted to the training rows, better than steps of Adam do.
 *
 *     min_D |X - Z D|^2    Z'Z D = Z'X by conjugate gradients, a column of D for itself
 *
 * They stop when the error on a fifth of the training rows, which is not fitted, grows: solved to the end, as many numbers as the
 * decoder has would fit noise, and the baseline would look worse than it is (on the embedded rows .33 where .46 can be had).
 * Source: a frozen encoder as a baseline of SAEs, arXiv 2602.14111; Hestenes and Stiefel 1952; early stopping: Hansen 1998, section 6.
 */
export async function frozenEncoderError(
  openModel: OpenModel,
  { train, validation }: { readonly train: HostTensor<"float32">; readonly validation: HostTensor<"float32"> },
  encoder: HostTensor<"float32">,
  k: number,
): Promise<number> {
  const [latents, width] = encoder.dims as [number, number];
  const held = Math.max(1, Math.floor(heldShare * train.dims[0]!));
  const fitted = sliceRows(train, 0, train.dims[0]! - held);
  const stopping = sliceRows(train, train.dims[0]! - held, train.dims[0]!);
  const sessions: Session[] = [];
  const open = async (name: string, model: () => Model) => {
    sessions.push(await openModel(name, model));
    return sessions.at(-1)!;
  };
  try {
    const kept = int64s([k]);
    const equations = await open("normalEquations", normalEquations);
    const { gram, right } = await equations.run({ rows: fitted, encoder, k: kept });
    const encoding = await open("encoder", encoderModel);
    const codeOf = async (rows: HostTensor<"float32">) => (await encoding.run({ rows, encoder, k: kept })).z!;
    const measuring = await open("errorsOf", errorsOf);
    const errorOf = async (rows: HostTensor<"float32">, z: HostTensor, decoder: HostTensor) => {
      const { errors } = await measuring.run({ rows, z, decoder });
      return (errors!.data as Float32Array).reduce((sum, v) => sum + v, 0);
    };
    let state: Record<string, HostTensor> = {
      decoder: zeros("float32", [latents, width]),
      residual: right!,
      direction: right!,
      length: tensor("float32", [1, width], squaredColumns(right as HostTensor<"float32">)),
    };
    let [best, least] = [state.decoder!, Number.POSITIVE_INFINITY];
    const stepping = await open("gradientStep", gradientStep);
    const z = await codeOf(stopping);
    for (let step = 0; step < mostSteps; step++) {
      const next = await stepping.run({ ...state, gram: gram! });
      state = Object.fromEntries(Object.keys(state).map((name) => [name, next[`next.${name}`]!]));
      const error = await errorOf(stopping, z, state.decoder!);
      if (!(error < least)) break;
      [best, least] = [state.decoder!, error];
    }
    return await errorOf(validation, await codeOf(validation), best);
  } finally {
    for (const session of sessions) await session.release();
  }
}

function squaredColumns({ dims, data }: HostTensor<"float32">): Float32Array<ArrayBuffer> {
  const width = dims[1]!;
  const sums = new Float64Array(width);
  for (let at = 0; at < data.length; at += width) for (let i = 0; i < width; i++) sums[i]! += data[at + i]! ** 2;
  return Float32Array.from(sums);
}

/** The k entries of largest magnitude of rows times the encoder, with their sign; the others 0. */
function code(rows: V, encoder: V, k: Value<"int64">): V {
  const pre = op.matMul(rows, op.transpose(encoder));
  const { indices } = op.topK(op.abs(pre), k, { sorted: false });
  return op.scatterElements(op.zerosLike(pre), indices, op.gatherElements(pre, indices), { axis: 1 });
}

/** What both encoders read. */
const encoded = () => ({
  rows: op.input("float32", ["rows", "width"]),
  encoder: op.input("float32", ["latents", "width"]),
  k: op.input("int64", [1]),
});

function normalEquations() {
  const { rows, encoder, k } = encoded();
  const z = code(rows, encoder, k);
  const columns = op.transpose(z);
  const outputs = { gram: op.matMul(columns, z), right: op.matMul(columns, rows) };
  return buildModel({ name: "normalEquations", inputs: { rows, encoder, k }, outputs });
}

function encoderModel() {
  const { rows, encoder, k } = encoded();
  return buildModel({ name: "encoder", inputs: { rows, encoder, k }, outputs: { z: code(rows, encoder, k) } });
}

/** One step for all columns at once; a column that is solved stays. */
function gradientStep() {
  const gram = op.input("float32", ["latents", "latents"]);
  const decoder = op.input("float32", ["latents", "width"]);
  const residual = op.input("float32", ["latents", "width"]);
  const direction = op.input("float32", ["latents", "width"]);
  const length = op.input("float32", [1, "width"]);
  const sum = (x: V) => op.reduceSum(x, { axes: [0], keepDims: true });
  const divided = (a: V, b: V) => op.where(op.greater(b, 0), op.div(a, op.max(b, 1e-37)), 0);
  const image = op.matMul(gram, direction);
  const step = divided(length, sum(op.mul(direction, image)));
  const left = op.sub(residual, op.mul(image, step));
  const now = sum(op.mul(left, left));
  const outputs = {
    "next.decoder": op.add(decoder, op.mul(direction, step)),
    "next.residual": left,
    "next.direction": op.add(left, op.mul(direction, divided(now, length))),
    "next.length": now,
  };
  const inputs = { gram, decoder, residual, direction, length };
  return buildModel({ name: "gradientStep", inputs, outputs });
}

function errorsOf() {
  const rows = op.input("float32", ["rows", "width"]);
  const z = op.input("float32", ["rows", "latents"]);
  const decoder = op.input("float32", ["latents", "width"]);
  const off = op.sub(rows, op.matMul(z, decoder));
  const errors = op.reduceSum(op.mul(off, off), { axes: [1] });
  return buildModel({ name: "errorsOf", inputs: { rows, z, decoder }, outputs: { errors } });
}
