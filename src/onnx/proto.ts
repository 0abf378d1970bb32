/**
 * @file The ONNX protobuf messages. onnx-proto is CommonJS, so its namespace arrives as the default import.
 * Two traps: a BigInt is silently encoded as 0 (pass numbers), and decoded int64 are Long objects (`toNumber` below).
 */
import onnxProto from "onnx-proto";

export const { onnx } = onnxProto;
export type Model = import("onnx-proto").onnx.IModelProto;
export type Graph = import("onnx-proto").onnx.IGraphProto;
export type Node = import("onnx-proto").onnx.INodeProto;
export type Attribute = import("onnx-proto").onnx.IAttributeProto;
export type TensorProto = import("onnx-proto").onnx.ITensorProto;
export type SparseTensor = import("onnx-proto").onnx.ISparseTensorProto;
export type ValueInfo = import("onnx-proto").onnx.IValueInfoProto;

/** A decoded int64 field as a number. */
export const toNumber = (value: unknown): number => Number(value?.toString() ?? 0);
