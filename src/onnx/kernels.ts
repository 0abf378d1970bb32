/**
 * @file Which kernels ONNX Runtime 1.30 has, for the ops the builder has, at opset 17. CPU, WASM and WebGPU: found by opening
 * a model of one node for every op and type (test/onnx/kernels.test.ts does it again; WebGPU on SwiftShader, with fallback
 * refused; float16 on CPU and WASM runs by casts that ONNX Runtime puts in). CUDA: ONNX Runtime's docs/OperatorKernels.md,
 * and placement on the 1.29 CUDA provider; no kernel of it was run on a GPU.
 */

/** Where a graph may run. WASM is the CPU provider compiled for another machine: the probes found the same kernels. */
export const kernelProviders = ["cpu", "cuda", "webgpu", "wasm"] as const;
export type KernelProvider = (typeof kernelProviders)[number];

/** The kernels of an op: the version of its definition at opset 17, and the element types each provider has it for. */
export interface Kernels extends Readonly<Record<KernelProvider, string>> {
  readonly since: number;
}

const row = (since: number, cpu: string, cuda: string, webgpu: string): Kernels => ({
  since,
  cpu,
  cuda,
  webgpu,
  wasm: cpu,
});

/** Types of the values an op computes with; of Cast `from > to`; `any` where the types are those of a body. */
export const kernels: Readonly<Record<string, Kernels>> = {
  Neg: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16"),
  Abs: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16"),
  Sign: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", ""),
  Sqrt: row(13, "f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Exp: row(13, "f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Log: row(13, "f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Relu: row(14, "f32 f64 f16 i32", "f32 f64 f16", "f32 f16"),
  Sigmoid: row(13, "f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Tanh: row(13, "f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Reciprocal: row(13, "f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Identity: row(16, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Softmax: row(13, "f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Not: row(1, "bool", "bool", "bool"),
  Add: row(14, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Sub: row(14, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Mul: row(14, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Div: row(14, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Pow: row(15, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Max: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Min: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  And: row(7, "bool", "bool", "bool"),
  Greater: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  GreaterOrEqual: row(16, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Less: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  LessOrEqual: row(16, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Equal: row(13, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Where: row(16, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32 bool"),
  MatMul: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16", "f32 f16"),
  Gemm: row(13, "f32 f64 f16", "f32 f64 f16", "f32 f16 i32"),
  Transpose: row(13, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  TopK: row(11, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16"),
  Gather: row(13, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32 bool"),
  GatherElements: row(13, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16"),
  ScatterElements: row(16, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  ScatterND: row(16, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  ReduceSum: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  ReduceSumSquare: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16", "f32 f16 i32"),
  ReduceMean: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32", "f32 f16 i32"),
  ReduceMax: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  ReduceMin: row(13, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  CumSum: row(14, "f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Reshape: row(14, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32 bool"),
  Expand: row(13, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32 bool"),
  Shape: row(15, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Slice: row(13, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16"),
  Concat: row(13, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Squeeze: row(13, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Unsqueeze: row(13, "f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32 bool"),
  NonZero: row(13, "f32 f16 i32 i64 bool", "f32 f16 i32 i64 bool", ""),
  Cast: row(
    13,
    "f32 f64 f16 i32 i64 bool > f32 f64 f16 i32 i64 bool",
    "f32 f64 f16 i32 i64 bool > f32 f64 f16 i32 i64 bool",
    "f32 f16 i32 bool > f32 f16 i32 i64 bool",
  ),
  Loop: row(16, "any", "any", ""),
  Scan: row(16, "any", "any", ""),
  If: row(16, "any", "any", "any"),
};

/** Whether a provider has a kernel of an op for a type such as `f32`, of Cast `f32>i64`. */
export function hasKernel(provider: KernelProvider, op: string, type: string): boolean {
  const [from = "", to] = (kernels[op]?.[provider] ?? "").split(" > ").map((list) => list.split(" ")) as [
    string[],
    string[]?,
  ];
  if (to === undefined) return from.includes(type) || from.includes("any");
  const [source = "", target = ""] = type.split(">");
  return from.includes(source) && to.includes(target);
}
