import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { readSafetensors, toFloat32 } from "../../src/data/safetensors.ts";
import { freeze } from "../../src/export/freeze.ts";
import { plainLatents } from "../../src/export/vectors/forward.ts";
import { importSae } from "../../src/formats/index.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { packModel } from "../../src/onnx/model.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { HostTensor } from "../../src/util/tensor.ts";

type F32 = HostTensor<"float32">;

/** What another library gives for some rows. */
export interface Expected {
  readonly x: F32;
  readonly latents: F32;
  readonly reconstruction: F32;
}

/** The folders that peers.py wrote, `LIBRARY/NAME`. */
export const peersIn = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .flatMap((file) =>
      /[/\\]expected\.safetensors$/.test(file) ? [file.replace(/[/\\][^/\\]*$/, "").replaceAll("\\", "/")] : [],
    )
    .sort();

/** What import is told of a folder of peers.py: the way to the SAE in it, and what no file says. */
export function toldOf(folder: string): { readonly path: string; readonly normFactor?: number } {
  const told = readdirSync(folder).includes("import.json")
    ? JSON.parse(readFileSync(join(folder, "import.json"), "utf8"))
    : {};
  return { ...told, path: join(folder, told.path ?? "") };
}

/** The SAE in a folder of peers.py. */
export async function peer(folder: string, onNote?: (note: string) => void): Promise<Checkpoint> {
  const { path, normFactor } = toldOf(folder);
  return importSae({ ...(await readSource(path)), normFactor }, onNote);
}

export function expectedIn(folder: string): Expected {
  const { tensors } = readSafetensors(readFileSync(join(folder, "expected.safetensors")), folder);
  const one = (name: string) => toFloat32(tensors.get(name)!);
  return { x: one("x"), latents: one("latents"), reconstruction: one("reconstruction") };
}

/** How two libraries agree on some rows. */
export interface Agreement {
  readonly rows: number;
  /** Rows with a tie: a score is within 1e-5 of the row's largest of where it would be kept, or not. */
  readonly ties: number;
  /** Other rows in which a latent is zero in one and not in the other. */
  readonly otherwise: number;
  /** The largest difference of latents of rows without ties, over the row's largest pre-activation. */
  readonly latents: number;
  /** The same of reconstructions, over the row's largest. */
  readonly reconstruction: number;
}

/** What the frozen SAE gives for the rows of a library, compared with what that gave. */
export async function agreement(checkpoint: Checkpoint, expected: Expected): Promise<Agreement> {
  const session = await cpu.open(packModel(freeze(checkpoint, "autoencoder")));
  const own = await session.run({ activations: expected.x }).finally(() => session.release());
  const code = plainLatents(checkpoint.config, checkpoint.tensors, expected.x);
  const row = (one: HostTensor, at: number) => {
    const width = one.dims[1]!;
    return (one.data as Float32Array).subarray(at * width, (at + 1) * width);
  };
  let [ties, otherwise, latents, reconstruction] = [0, 0, 0, 0];
  for (const [at, { gap, scale }] of code.entries()) {
    if (gap <= 1e-5) {
      ties++;
      continue;
    }
    const [theirs, ours] = [row(expected.latents, at), row(own.latents!, at)];
    if (theirs.length !== ours.length) throw new Error(`${theirs.length} latents, and ${ours.length} here`);
    // A latent that grows from zero may be zero in one by rounding.
    if (
      theirs.some((z, i) => (z === 0) !== (ours[i] === 0) && Math.max(Math.abs(z), Math.abs(ours[i]!)) > 1e-5 * scale)
    )
      otherwise++;
    latents = Math.max(latents, apart(theirs, ours) / (scale || 1));
    const again = row(expected.reconstruction, at);
    const largest = again.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    reconstruction = Math.max(reconstruction, apart(again, row(own.reconstruction!, at)) / (largest || 1));
  }
  return { rows: code.length, ties, otherwise, latents, reconstruction };
}

const apart = (a: Float32Array, b: Float32Array): number => {
  if (a.length !== b.length) throw new Error(`${a.length} numbers, and ${b.length} here`);
  return a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);
};

/** Why two libraries do not agree; `undefined` where they do: no latent selected otherwise, values to 1e-5 of the row's largest. */
export function disagreement({ rows, ties, otherwise, latents, reconstruction }: Agreement): string | undefined {
  // Random rows have few ties: more would leave little to compare.
  if (ties > rows / 20) return `${ties} of ${rows} rows have ties`;
  if (otherwise > 0) return `${otherwise} of ${rows} rows keep other latents`;
  if (!(latents <= 1e-5 && reconstruction <= 1e-5))
    return `latents are off by ${latents}, reconstructions by ${reconstruction}`;
  return undefined;
}
