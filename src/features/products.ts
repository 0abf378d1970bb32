import { buildModel } from "../graph/build.ts";
import * as op from "../graph/ops.ts";
import { packModel } from "../onnx/model.ts";
import type { Runtime } from "../runtime/session.ts";
import { type HostTensor, sliceRows, tensor } from "../util/tensor.ts";

type Matrix = HostTensor<"float32">;

/** A row of the other matrix, and the scalar product with it. */
export interface Product {
  readonly index: number;
  readonly value: number;
}

/** Products that are in memory at once, at most. */
const mostProducts = 2 ** 24;

/**
 * For each row of one matrix, `[n, width]`, the rows of another, `[m, width]`, with the largest and the smallest scalar products:
 * `count` each or as many as there are, the most extreme first; ties go to the lower index.
 */
export async function extremeProducts(
  runtime: Runtime,
  rows: Matrix,
  others: Matrix,
  count: number,
  { threads }: { readonly threads?: number | undefined } = {},
): Promise<{ readonly largest: Product[][]; readonly smallest: Product[][] }> {
  const [n, width] = rows.dims as [number, number];
  const m = others.dims[0]!;
  const [x, y] = [op.input("float32", ["rows", width]), op.input("float32", [m, width])];
  const products = op.matMul(x, op.transpose(y));
  const k = Math.min(count, m);
  const [high, low] = [op.topK(products, k), op.topK(op.neg(products), k)];
  const outputs = {
    ...{ high: high.values, highAt: high.indices },
    ...{ low: low.values, lowAt: low.indices },
  };
  const session = await runtime.open(packModel(buildModel({ inputs: { x, y }, outputs })), { threads });
  const [largest, smallest]: [Product[][], Product[][]] = [[], []];
  const step = Math.max(1, Math.floor(mostProducts / m));
  try {
    for (let from = 0; from < n; from += step) {
      const found = await session.run({ x: sliceRows(rows, from, Math.min(n, from + step)), y: others });
      largest.push(...productsIn(found.high!, found.highAt!, 1));
      smallest.push(...productsIn(found.low!, found.lowAt!, -1));
    }
  } finally {
    await session.release();
  }
  return { largest, smallest };
}

function productsIn(values: HostTensor, indices: HostTensor, sign: 1 | -1): Product[][] {
  const [rows, k] = values.dims as [number, number];
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: k }, (_, i) => ({
      index: Number(indices.data[row * k + i]),
      value: sign * Number(values.data[row * k + i]),
    })),
  );
}

/** The rows of a matrix at unit length; rows of zeros stay. */
export function unitRows({ dims, data }: Matrix): Matrix {
  const [rows, width] = dims as [number, number];
  const unit = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let at = row * width; at < (row + 1) * width; at++) sum += data[at]! ** 2;
    const length = Math.sqrt(sum) || 1;
    for (let at = row * width; at < (row + 1) * width; at++) unit[at] = data[at]! / length;
  }
  return tensor("float32", dims, unit);
}
