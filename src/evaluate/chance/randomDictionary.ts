import { buildModel } from "../../graph/build.ts";
import * as op from "../../graph/ops.ts";
import type { HostTensor } from "../../util/tensor.ts";
import type { OpenModel } from "./open.ts";

/**
 * The squared error that is left when each row is written with k rows of a random dictionary `[latentDim, width]`, unit rows: matching
 * pursuit takes, k times, the row with the largest |inner product| with what is left, and takes it off. No encoder is trained, and this
 * one is better than an SAE's: a bar that is a little too high.
 *
 *     c = D r;   j = argmax |c|;   |r|^2 falls by c_j^2;   c falls by c_j (D D')_j
 *
 * Source: Mallat and Zhang 1993, matching pursuits; as a baseline of SAEs, a random decoder: arXiv 2602.14111.
 */
export async function randomDictionaryError(
  open: OpenModel,
  rows: HostTensor<"float32">,
  dictionary: HostTensor<"float32">,
  k: number,
): Promise<number> {
  const latents = dictionary.dims[0]!;
  const session = await open("products", products);
  const { inner, gram } = await session.run({ rows, dictionary }).finally(() => session.release());
  const grams = gram!.data as Float32Array;
  const all = inner!.data as Float32Array;
  let error = rows.data.reduce((sum, v) => sum + v * v, 0);
  for (let at = 0; at < all.length; at += latents) {
    const c = all.subarray(at, at + latents);
    let best = 0;
    for (let j = 1; j < latents; j++) if (Math.abs(c[j]!) > Math.abs(c[best]!)) best = j;
    for (let step = 0; step < k; step++) {
      const taken = c[best]!;
      error -= taken * taken;
      const row = best * latents;
      // The next one is found in the same pass.
      let most = -1;
      for (let j = 0; j < latents; j++) {
        c[j]! -= taken * grams[row + j]!;
        const size = Math.abs(c[j]!);
        if (size > most) {
          most = size;
          best = j;
        }
      }
    }
  }
  return error;
}

/** From `rows` and `dictionary` to their inner products, and those of the dictionary's rows. */
function products() {
  const rows = op.input("float32", ["rows", "width"]);
  const dictionary = op.input("float32", ["latents", "width"]);
  const columns = op.transpose(dictionary);
  const outputs = { inner: op.matMul(rows, columns), gram: op.matMul(dictionary, columns) };
  return buildModel({ name: "products", inputs: { rows, dictionary }, outputs });
}
