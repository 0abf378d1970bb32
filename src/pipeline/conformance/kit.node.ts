import { readFile } from "node:fs/promises";
import { float32ToBfloat16, float32ToHalf } from "../../data/half.ts";
import { writeSafetensors } from "../../data/safetensors.ts";
import { type StoredArray, toFloat32 } from "../../data/stored.ts";
import { type PlainRow, plainLatents, plainReconstruction } from "../../export/vectors/forward.ts";
import { vectorRows } from "../../export/vectors/rows.ts";
import { column, matrix } from "../../export/vectors/tensors.ts";
import { digest } from "../../util/digest.ts";
import { random } from "../../util/random.ts";
import { bytesOf, type HostTensor, tensor } from "../../util/tensor.ts";
import { allCases, type Case } from "./cases.ts";
import { folded } from "./folded.ts";

/** Of a row's largest pre-activation, or largest reconstruction: what values may be off by. */
const tolerance = 1e-5;

/** Rows nearer to a tie than this, relative to their largest pre-activation, are left out but for those made for it. */
const clear = 1e-4;

/** Rows of equal scores that a case of ties has. */
const tiedRows = 6;

/** A case's files. */
interface CaseFiles {
  /** What an implementation gets: weights, activations, and in its metadata what the SAE computes. */
  readonly given: Uint8Array;
  /** Latents and reconstruction, what they are measured against, and which rows are tied. */
  readonly expected: Uint8Array;
}

/** The kit, file by file: README.md, run.py, manifest.json, cases/ and expected/. The same bytes on every machine. */
export async function conformanceKit(): Promise<Readonly<Record<string, string | Uint8Array>>> {
  const files: Record<string, string | Uint8Array> = {};
  for (const name of ["README.md", "run.py"]) files[name] = await readFile(new URL(name, import.meta.url), "utf8");
  const listed = [];
  for (const one of allCases()) {
    const { given, expected } = filesOf(one);
    const { name, trap, words, dtype } = one;
    files[`cases/${name}.safetensors`] = given;
    files[`expected/${name}.safetensors`] = expected;
    listed.push({ name, trap, words, dtype, sha256: { case: await digest(given), expected: await digest(expected) } });
  }
  files["manifest.json"] = `${JSON.stringify({ version: 1, tolerance, cases: listed }, null, 1)}\n`;
  return files;
}

/** A case's SAE as it is computed here, its rows `[rows, inputDim]`, and the forward pass in float64. */
export function computed(one: Case) {
  const stored = Object.fromEntries(Object.entries(one.tensors).map(([name, value]) => [name, as(one.dtype, value)]));
  const read = Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, toFloat32(value)]));
  const { spec, tensors } = folded(one.words, read);
  const ordinary = rowsWhere(
    vectorRows(spec, tensors),
    (x) => plainLatents(spec, tensors, x),
    ({ gap }) => gap > clear,
  );
  const planted = one.planted === "ties" ? ties(one, (x) => plainLatents(spec, tensors, x)) : [];
  const zeros = one.planted === "zeros" ? [new Float32Array(spec.inputDim)] : [];
  const activations = matrix([...ordinary, ...planted, ...zeros]);
  const code = plainLatents(spec, tensors, activations);
  return {
    stored,
    spec,
    tensors,
    activations,
    code,
    tied: code.map((_, i) => i >= ordinary.length && zeros.length === 0),
  };
}

function filesOf(one: Case): CaseFiles {
  const { stored, spec, tensors, activations, code, tied } = computed(one);
  const reconstruction = code.map(({ latents }, row) =>
    plainReconstruction(spec, tensors, latents, rowOf(activations, row)),
  );
  return {
    given: writeSafetensors(
      { ...stored, activations },
      { name: one.name, trap: one.trap, words: JSON.stringify(one.words) },
    ),
    expected: writeSafetensors({
      latents: matrix(code.map(({ latents }) => latents)),
      reconstruction: matrix(reconstruction),
      scale: column(code.map(({ scale }) => scale)),
      tied: tensor("bool", [tied.length], Uint8Array.from(tied, Number)),
    }),
  };
}

const rowOf = ({ data, dims }: HostTensor<"float32">, row: number) =>
  data.subarray(row * dims[1]!, (row + 1) * dims[1]!);

type Forward = (x: HostTensor<"float32">) => readonly PlainRow[];

const rowsWhere = (x: HostTensor<"float32">, forward: Forward, wanted: (row: PlainRow) => boolean) =>
  forward(x).flatMap((row, i) => (wanted(row) ? [rowOf(x, i)] : []));

/** Random rows at which the k-th and the next latent have exactly the same score. */
function ties({ name }: Case, forward: Forward): Float32Array[] {
  const rng = random(0, `ties of ${name}`);
  const many = Array.from({ length: 500 }, () => Float32Array.from({ length: 16 }, () => rng.normal()));
  return rowsWhere(matrix(many), forward, ({ gap }) => gap === 0).slice(0, tiedRows);
}

/** A tensor as a file of a type stores it. */
function as(dtype: Case["dtype"], { dims, data }: HostTensor<"float32">): StoredArray {
  const bits = dtype === "F16" ? float32ToHalf(data) : float32ToBfloat16(data);
  const bytes = dtype === "F32" ? bytesOf({ dtype: "float32", dims, data }) : new Uint8Array(bits.buffer);
  return { dtype, shape: dims, bytes, where: "conformance" };
}
