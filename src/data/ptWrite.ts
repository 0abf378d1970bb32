import { zipSync } from "fflate";
import { ConfigError } from "../util/errors.ts";
import { bytesOf, bytesPerElement, type HostTensor, sizeOf } from "../util/tensor.ts";

/** The storage class of each element type. */
const storages = {
  float32: "FloatStorage",
  float64: "DoubleStorage",
  int32: "IntStorage",
  int64: "LongStorage",
} as const;
type Written = keyof typeof storages;

/** A ZIP archive without ZIP64 has no room for more. */
const mostBytes = 2 ** 32 - 2 ** 20;

/**
 * Tensors as a dictionary of `torch.save` (PyTorch 1.6 or later), on the CPU, which `torch.load(weights_only=True)` reads. The same tensors
 * give the same bytes. Source: torch/serialization.py; pickle protocol 2.
 * @throws {ConfigError} when they take 4 GiB or more.
 */
export function writePt(tensors: Readonly<Record<string, HostTensor<Written>>>): Uint8Array {
  const total = Object.values(tensors).reduce((sum, { dtype, dims }) => sum + sizeOf(dims) * bytesPerElement(dtype), 0);
  if (total > mostBytes)
    throw new ConfigError(
      `a .pt of ${(total / 2 ** 30).toFixed(1)} GiB: only those below 4 GiB can be written; use --format saelens`,
    );
  const storage = Object.values(tensors).map((one, i) => [`archive/data/${i}`, bytesOf(one)] as const);
  return zipSync(
    {
      "archive/data.pkl": pickled(tensors),
      "archive/byteorder": ascii("little"),
      ...Object.fromEntries(storage),
      "archive/version": ascii("3\n"),
    },
    { level: 0, mtime: new Date(1980, 0, 1) },
  );
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Opcodes of a pickle; each value is written out in full, none is shared. */
function pickled(tensors: Readonly<Record<string, HostTensor<Written>>>): Uint8Array {
  const out: number[] = [];
  const put = (...parts: (string | number)[]) => {
    for (const part of parts) out.push(...(typeof part === "string" ? ascii(part) : [part]));
  };
  const little = (value: number, bytes: number) =>
    Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
  const text = (value: string) => {
    const bytes = ascii(value);
    put("X", ...little(bytes.length, 4));
    out.push(...bytes);
  };
  // BININT up to 2^31, LONG1 of eight bytes above.
  const integer = (value: number) =>
    value < 2 ** 31 ? put("J", ...little(value, 4)) : put(0x8a, 8, ...little(value, 8));
  const tuple = (values: readonly number[]) => {
    put("(");
    for (const value of values) integer(value);
    put("t");
  };
  const dictionary = () => put("ccollections\nOrderedDict\n", ")", "R");
  put(0x80, 2);
  dictionary();
  put("(");
  for (const [i, [name, one]] of Object.entries(tensors).entries()) {
    text(name);
    put("ctorch._utils\n_rebuild_tensor_v2\n", "(", "(");
    text("storage");
    put(`ctorch\n${storages[one.dtype]}\n`);
    text(String(i));
    text("cpu");
    integer(sizeOf(one.dims));
    put("t", "Q");
    integer(0);
    tuple(one.dims);
    tuple(one.dims.map((_, axis) => sizeOf(one.dims.slice(axis + 1))));
    put(0x89);
    dictionary();
    put("t", "R");
  }
  put("u", ".");
  return Uint8Array.from(out);
}
