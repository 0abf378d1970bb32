import { buildModel } from "../../graph/build.ts";
import * as op from "../../graph/ops.ts";
import type { Value } from "../../graph/value.ts";
import { packModel } from "../../onnx/model.ts";
import type { Runtime, SessionOptions } from "../../runtime/session.ts";
import { type HostTensor, scalar, tensor, zeros } from "../../util/tensor.ts";

type V = Value<"float32">;

/** Steps of conjugate gradients. On the embedded data the error moves by less than .001 of the variance after 15. */
const steps = 30;

/**
 * The squared error that is left when only the decoder is trained: the encoder is random, `encoder [latentDim, width]`, and keeps the k
 * entries of largest magnitude of each row with their sign; the decoder is the best one for the training rows, not one that steps of Adam
 * arrive at.
 *
 *     min_D |X - Z D|^2 + r |D|^2   (Z'Z + r I) D = Z'X by conjugate gradients, a column of D for itself
 *
 * r is the mean square of the entries kept: as if every latent had fired in one more row, with nothing to explain.
 * Source: a frozen encoder as a baseline of SAEs, arXiv 2602.14111; Hestenes and Stiefel 1952.
 */
export async function frozenEncoderError(
  runtime: Runtime,
  { train, validation }: { readonly train: HostTensor<"float32">; readonly validation: HostTensor<"float32"> },
  encoder: HostTensor<"float32">,
  k: number,
  options: SessionOptions,
): Promise<number> {
  const [latents, width] = encoder.dims as [number, number];
  const run = async (model: ReturnType<typeof buildModel>, feeds: Record<string, HostTensor>) => {
    const session = await runtime.open(packModel(model), options);
    return session.run(feeds).finally(() => session.release());
  };
  const { gram, right, squares } = await run(normalEquations(latents, width, k), { rows: train, encoder });
  const kept = train.dims[0]! * k;
  const ridge = scalar(Math.max((squares!.data as Float32Array)[0]! / kept, 1e-30));
  let state: Record<string, HostTensor> = {
    decoder: zeros("float32", [latents, width]),
    residual: right!,
    direction: right!,
    length: tensor("float32", [1, width], squaredColumns(right as HostTensor<"float32">)),
  };
  const session = await runtime.open(packModel(gradientStep(latents, width)), options);
  try {
    for (let step = 0; step < steps; step++) {
      const next = await session.run({ ...state, gram: gram!, ridge });
      state = Object.fromEntries(Object.keys(state).map((name) => [name, next[`next.${name}`]!]));
    }
  } finally {
    await session.release();
  }
  const feeds = { rows: validation, encoder, decoder: state.decoder! };
  const { errors } = await run(errorsOf(latents, width, k), feeds);
  return (errors!.data as Float32Array).reduce((sum, v) => sum + v, 0);
}

function squaredColumns({ dims, data }: HostTensor<"float32">): Float32Array<ArrayBuffer> {
  const width = dims[1]!;
  const sums = new Float64Array(width);
  for (let at = 0; at < data.length; at += width) for (let i = 0; i < width; i++) sums[i]! += data[at + i]! ** 2;
  return Float32Array.from(sums);
}

/** The k entries of largest magnitude of rows times the encoder, with their sign; the others 0. */
function code(rows: V, encoder: V, k: number): V {
  const pre = op.matMul(rows, op.transpose(encoder));
  const { indices } = op.topK(op.abs(pre), k, { sorted: false });
  return op.scatterElements(op.zerosLike(pre), indices, op.gatherElements(pre, indices), { axis: 1 });
}

function normalEquations(latents: number, width: number, k: number) {
  const rows = op.input("float32", ["rows", width]);
  const encoder = op.input("float32", [latents, width]);
  const z = code(rows, encoder, k);
  const columns = op.transpose(z);
  const squares = op.reduceSum(op.mul(z, z));
  const outputs = { gram: op.matMul(columns, z), right: op.matMul(columns, rows), squares };
  return buildModel({ name: "normalEquations", inputs: { rows, encoder }, outputs });
}

/** One step for all columns at once; a column that is solved stays. */
function gradientStep(latents: number, width: number) {
  const gram = op.input("float32", [latents, latents]);
  const ridge = op.input("float32", []);
  const decoder = op.input("float32", [latents, width]);
  const residual = op.input("float32", [latents, width]);
  const direction = op.input("float32", [latents, width]);
  const length = op.input("float32", [1, width]);
  const sum = (x: V) => op.reduceSum(x, { axes: [0], keepDims: true });
  const divided = (a: V, b: V) => op.where(op.greater(b, 0), op.div(a, op.max(b, 1e-37)), 0);
  const image = op.add(op.matMul(gram, direction), op.mul(direction, ridge));
  const step = divided(length, sum(op.mul(direction, image)));
  const left = op.sub(residual, op.mul(image, step));
  const now = sum(op.mul(left, left));
  const outputs = {
    "next.decoder": op.add(decoder, op.mul(direction, step)),
    "next.residual": left,
    "next.direction": op.add(left, op.mul(direction, divided(now, length))),
    "next.length": now,
  };
  const inputs = { gram, ridge, decoder, residual, direction, length };
  return buildModel({ name: "gradientStep", inputs, outputs });
}

function errorsOf(latents: number, width: number, k: number) {
  const rows = op.input("float32", ["rows", width]);
  const encoder = op.input("float32", [latents, width]);
  const decoder = op.input("float32", [latents, width]);
  const off = op.sub(rows, op.matMul(code(rows, encoder, k), decoder));
  const errors = op.reduceSum(op.mul(off, off), { axes: [1] });
  return buildModel({ name: "errorsOf", inputs: { rows, encoder, decoder }, outputs: { errors } });
}
