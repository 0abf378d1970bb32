import { buildModel } from "../graph/build.ts";
import * as op from "../graph/ops.ts";
import { packModel } from "../onnx/model.ts";
import type { Runtime } from "../runtime/session.ts";
import { random } from "../util/random.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";

/** Most directions that are looked for. */
const most = 96;
const rounds = 6;

/** The directions in which rows vary most, `[dims, count]`, orthonormal, and the mean square along each, descending. */
export interface Leading {
  readonly directions: HostTensor<"float32">;
  readonly squares: Float64Array;
}

/**
 * The leading directions of centred rows `[rows, dims]`, nearly: subspace iteration from a random start, then Rayleigh and Ritz. They speed
 * up training; what is trained does not depend on them. Source: Halko, Martinsson and Tropp 2011, Finding structure with randomness, 4.4.
 */
export async function leadingDirections(
  runtime: Runtime,
  x: HostTensor<"float32">,
  threads?: number | undefined,
): Promise<Leading> {
  const [rows, dims] = x.dims as [number, number];
  const count = Math.min(most, dims, rows);
  const session = await runtime.open(packModel(momentGraph()), { threads });
  try {
    const rng = random(0, "leading directions");
    let basis = orthonormal(
      Float64Array.from({ length: dims * count }, () => rng.normal()),
      dims,
      count,
    );
    const product = async (of: Float64Array) => {
      const q = tensor("float32", [dims, count], Float32Array.from(of));
      const { product } = await session.run({ x, q, share: tensor("float32", [], Float32Array.of(1 / rows)) });
      return Float64Array.from(product!.data as Float32Array);
    };
    for (let round = 1; round < rounds; round++) basis = orthonormal(await product(basis), dims, count);
    const { values, vectors } = symmetricEigen(inner(basis, await product(basis), dims, count), count);
    const turned = new Float32Array(dims * count);
    for (let i = 0; i < dims; i++)
      for (let a = 0; a < count; a++) {
        const from = basis[i * count + a]!;
        for (let b = 0; b < count; b++) turned[i * count + b]! += from * vectors[a * count + b]!;
      }
    return { directions: tensor("float32", [dims, count], turned), squares: values.map((one) => Math.max(one, 0)) };
  } finally {
    await session.release();
  }
}

/** x^T x q times a share. */
function momentGraph() {
  const x = op.input("float32", ["rows", "dims"]);
  const q = op.input("float32", ["dims", "count"]);
  const share = op.input("float32", []);
  const product = op.mul(op.matMul(op.transpose(x), op.matMul(x, q)), share);
  return buildModel({ inputs: { x, q, share }, outputs: { product } });
}

/** Orthonormal columns that span those of `a [dims, count]`; 0 where a column depends on those before. Gram-Schmidt, twice. */
function orthonormal(a: Float64Array, dims: number, count: number): Float64Array {
  const columns = Array.from({ length: count }, (_, c) =>
    Float64Array.from({ length: dims }, (_, i) => a[i * count + c]!),
  );
  const norm = (v: Float64Array) => Math.sqrt(v.reduce((sum, one) => sum + one * one, 0));
  columns.forEach((own, c) => {
    const before = norm(own);
    for (let pass = 0; pass < 2; pass++)
      for (const other of columns.slice(0, c)) {
        let along = 0;
        for (let i = 0; i < dims; i++) along += own[i]! * other[i]!;
        for (let i = 0; i < dims; i++) own[i]! -= along * other[i]!;
      }
    const length = norm(own);
    const keep = length > 1e-6 * before ? 1 / length : 0;
    for (let i = 0; i < dims; i++) own[i]! *= keep;
  });
  const q = new Float64Array(dims * count);
  columns.forEach((own, c) => {
    for (let i = 0; i < dims; i++) q[i * count + c] = own[i]!;
  });
  return q;
}

/** (a^T b + b^T a) / 2 of two matrices `[dims, count]`. */
function inner(a: Float64Array, b: Float64Array, dims: number, count: number): Float64Array {
  const found = new Float64Array(count * count);
  for (let i = 0; i < dims; i++)
    for (let p = 0; p < count; p++)
      for (let q = 0; q < count; q++) {
        const half = (a[i * count + p]! * b[i * count + q]!) / 2;
        found[p * count + q]! += half;
        found[q * count + p]! += half;
      }
  return found;
}

/** Eigenvalues of a symmetric matrix `[n, n]`, descending, and its eigenvectors as columns. Source: Jacobi 1846, cyclic. */
function symmetricEigen(given: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const a = given.slice();
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const rotate = (m: Float64Array, at: (k: number) => [number, number], c: number, s: number) => {
    for (let k = 0; k < n; k++) {
      const [one, other] = at(k);
      const [x, y] = [m[one]!, m[other]!];
      m[one] = c * x - s * y;
      m[other] = s * x + c * y;
    }
  };
  const size = Math.sqrt(a.reduce((sum, one) => sum + one * one, 0));
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q]!;
        off += apq * apq;
        if (Math.abs(apq) <= 1e-16 * size) continue;
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        rotate(a, (k) => [k * n + p, k * n + q], c, t * c);
        rotate(a, (k) => [p * n + k, q * n + k], c, t * c);
        rotate(v, (k) => [k * n + p, k * n + q], c, t * c);
      }
    if (Math.sqrt(off) <= 1e-12 * size) break;
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j]! - a[i * n + i]!);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    for (let k = 0; k < n; k++) vectors[k * n + to] = v[k * n + from]!;
  });
  return { values: Float64Array.from(order, (i) => a[i * n + i]!), vectors };
}
