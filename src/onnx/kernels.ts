/**
 * @file Which kernels ONNX Runtime 1.30 has at opset 17, for the ops the builder has.
 *
 * CPU, WASM and WebGPU: found by opening a model of one node for every op and type; test/onnx/kernels.test.ts does it again.
 * WebGPU ran on SwiftShader, with fallback refused. float16 on CPU and WASM runs by casts that ONNX Runtime puts in.
 *
 * CUDA: the kernels that ONNX Runtime's docs/OperatorKernels.md (at commit 001d12d) lists for opset 17, and the placement that
 * the 1.29 CUDA provider chose. No kernel of it was run on a GPU.
 */

/** Where a graph may run. WASM is the CPU provider compiled for another machine: the probes found the same kernels. */
export const kernelProviders = ["cpu", "cuda", "webgpu", "wasm"] as const;
export type KernelProvider = (typeof kernelProviders)[number];

/** The kernels of an op, as it is defined at opset 17: the element types each provider has one for. */
export type Kernels = Readonly<Record<KernelProvider, string>>;

const row = (cpu: string, cuda: string, webgpu: string): Kernels => ({
  cpu,
  cuda,
  webgpu,
  wasm: cpu,
});

/** The types an op computes with. Of Cast: `from>to`. `any`: the types are those of a body. */
export const kernels: Readonly<Record<string, Kernels>> = {
  Neg: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16"),
  Abs: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16"),
  Sign: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", ""),
  Sqrt: row("f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Exp: row("f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Log: row("f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Relu: row("f32 f64 f16 i32", "f32 f64 f16", "f32 f16"),
  Sigmoid: row("f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Tanh: row("f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Cos: row("f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Sin: row("f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Reciprocal: row("f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Identity: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Softmax: row("f32 f64 f16", "f32 f64 f16", "f32 f16"),
  Not: row("bool", "bool", "bool"),
  Add: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Sub: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Mul: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Div: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Pow: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Max: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Min: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  And: row("bool", "bool", "bool"),
  Greater: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  GreaterOrEqual: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Less: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  LessOrEqual: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Equal: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Where: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32 bool"),
  MatMul: row("f32 f64 f16 i32 i64", "f32 f64 f16", "f32 f16"),
  Gemm: row("f32 f64 f16", "f32 f64 f16", "f32 f16 i32"),
  Transpose: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  TopK: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16"),
  Gather: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32 bool"),
  GatherElements: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16"),
  ScatterElements: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  ScatterND: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  ReduceSum: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  ReduceSumSquare: row("f32 f64 f16 i32 i64", "f32 f64 f16", "f32 f16 i32"),
  ReduceMean: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32", "f32 f16 i32"),
  ReduceMax: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  ReduceMin: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  CumSum: row("f32 f64 f16 i32 i64", "f32 f64 f16 i32 i64", "f32 f16 i32"),
  Reshape: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32 bool"),
  Expand: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32 bool"),
  Shape: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Slice: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16"),
  Concat: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Squeeze: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32"),
  Unsqueeze: row("f32 f64 f16 i32 i64 bool", "f32 f64 f16 i32 i64 bool", "f32 f16 i32 bool"),
  NonZero: row("f32 f16 i32 i64 bool", "f32 f16 i32 i64 bool", ""),
  Cast: row(
    "f32 f64 f16 i32 i64 bool > f32 f64 f16 i32 i64 bool",
    "f32 f64 f16 i32 i64 bool > f32 f64 f16 i32 i64 bool",
    "f32 f16 i32 bool > f32 f16 i32 i64 bool",
  ),
  Loop: row("any", "any", ""),
  Scan: row("any", "any", ""),
  If: row("any", "any", "any"),
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
