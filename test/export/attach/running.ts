import { expect } from "vitest";
import { halfToFloat32 } from "../../../src/data/half.ts";
import { type AttachOptions, attach } from "../../../src/export/attach/attach.ts";
import { freeze } from "../../../src/export/freeze.ts";
import { encodeModel } from "../../../src/onnx/model.ts";
import type { Model } from "../../../src/onnx/proto.ts";
import { dataTypes, valueInfo } from "../../../src/onnx/tensors.ts";
import type { Runtime, Tensors } from "../../../src/runtime/session.ts";
import { bytesOf, type HostTensor, tensor } from "../../../src/util/tensor.ts";
import { sample } from "../../checkpoint/sample.ts";
import { cases } from "../../sae/cases.ts";
import { width } from "./transformer.ts";

export const checkpoint = await sample(cases[0]!);
export const encoder = freeze(checkpoint, "encoder");
export const autoencoder = freeze(checkpoint, "autoencoder");
export const latentDim = 32;

export type Results = Record<string, HostTensor>;

export async function runBytes(runtime: Runtime, bytes: Uint8Array, given: Tensors): Promise<Results> {
  const session = await runtime.open({ bytes, external: [] }, { threads: 1 });
  return session.run(given).finally(() => session.release());
}
export const run = (runtime: Runtime, model: Model, given: Tensors) => runBytes(runtime, encodeModel(model), given);

/** Attached as the command does it: bytes in, bytes out. */
export const attached = (model: Model, options: AttachOptions, sae = encoder) =>
  attach({ bytes: encodeModel(model), file: "lm.onnx" }, { model: sae, file: "sae.onnx" }, options);

const cast = (from: string, to: number, output: string) => ({
  ...{ opType: "Cast", input: [from], output: [output] },
  attribute: [{ name: "to", type: 2, i: to }],
});

/**
 * The model with one of its values as a further output, `exposed`, in float32. (A CPU computes float16 models in float32 and drops
 * pairs of casts, so that a float16 value read as float32 is not rounded in between; exposed as float16 it would be.)
 */
export const exposing = (model: Model, name: string): Model => ({
  ...model,
  graph: {
    ...model.graph,
    node: [...model.graph!.node!, cast(name, dataTypes.float32, "exposed")],
    output: [...model.graph!.output!, valueInfo("exposed", "float32", ["batch", "seq", width])],
  },
});

/** The model whose value `name` is fed, as `fed` in float32; what gave it gives it to nobody. */
export function fedAt(model: Model, name: string): Model {
  const { valueInfo: values, output, node, input } = model.graph!;
  const declared = [...values!, ...output!].find((one) => one.name === name)!;
  const producers = node!.map((one) => ({
    ...one,
    output: one.output!.map((own) => (own === name ? "of nobody" : own)),
  }));
  return {
    ...model,
    graph: {
      ...model.graph,
      node: [cast("fed", declared.type!.tensorType!.elemType!, name), ...producers],
      input: [...input!, valueInfo("fed", "float32", ["batch", "seq", width])],
    },
  };
}

export const asRows = ({ data }: HostTensor): HostTensor<"float32"> =>
  tensor("float32", [data.length / width, width], data as Float32Array<ArrayBuffer>);

const numbers = ({ dtype, data }: HostTensor): number[] =>
  Array.from<number | bigint>(
    dtype === "float16" ? halfToFloat32(data as Uint16Array) : (data as ArrayLike<number | bigint>),
  ).map(Number);

/**
 * Bit for bit; in float16 to a few of its roundings: a CPU computes float16 in float32 where it can, and decides by a value's readers
 * whether that is rounded in between.
 */
export function same(actual: HostTensor | undefined, expected: HostTensor, isHalf: boolean, what: string): void {
  expect(actual?.data.length, what).toBe(expected.data.length);
  if (isHalf) expect(farthest(actual!, expected), what).toBeLessThan(2 ** -9);
  else expect(Buffer.compare(bytesOf(actual!), bytesOf(expected)), what).toBe(0);
}

/** `same` of everything expected. */
export function allSame(actual: Results, expected: Results, isHalf = false): void {
  for (const [name, one] of Object.entries(expected)) same(actual[name], one, isHalf, name);
}

/** The largest difference, in parts of the largest expected magnitude. */
export function farthest(actual: HostTensor, expected: HostTensor): number {
  const [one, other] = [numbers(actual), numbers(expected)];
  const largest = Math.max(...other.map(Math.abs));
  return Math.max(...one.map((value, i) => Math.abs(value - other[i]!))) / largest;
}
