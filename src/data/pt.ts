import { ConfigError } from "../util/errors.ts";
import { checkNotMistaken } from "../util/mistaken.ts";
import { sizeOf } from "../util/tensor.ts";
import { type PickleValue, readPickle, refusedName } from "./pickle.ts";
import { elementBytes, type StoredArray } from "./stored.ts";
import { readZip, type ZipMember } from "./zip.ts";

/** The element type of each storage class, as safetensors spells it. */
const storages: Readonly<Record<string, string>> = {
  ...{ DoubleStorage: "F64", FloatStorage: "F32", HalfStorage: "F16", BFloat16Storage: "BF16" },
  ...{ LongStorage: "I64", IntStorage: "I32", ShortStorage: "I16", CharStorage: "I8", ByteStorage: "U8" },
  BoolStorage: "BOOL",
};

/** A name of the allow-list that the pickle uses. */
class Name {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A member of the archive, which may be read elsewhere than from the whole archive. */
type PtMember = Omit<ZipMember, "start">;

/** A block of elements in the archive; tensors are views of one. */
export class PtStorage {
  readonly dtype: string;
  readonly count: number;
  readonly member: PtMember;
  constructor(dtype: string, count: number, member: PtMember) {
    this.dtype = dtype;
    this.count = count;
    this.member = member;
  }
}

/** A tensor of a .pt file: a view of a storage; offset and strides count elements. Nothing is read yet. */
export class PtTensor {
  readonly storage: PtStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: PtStorage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** Names whose call gives a tensor or an empty dictionary. */
const callable = [
  "collections.OrderedDict",
  "torch._utils._rebuild_tensor_v2",
  "torch._utils._rebuild_parameter",
] as const;

/** Most bytes of the tensors of one .pt file that is read whole. */
const maxBytesDefault = 8 * 2 ** 30;

/**
 * What `torch.save` wrote (PyTorch 1.6 or later): dictionaries as Maps, lists and tuples as arrays, tensors as `PtTensor`.
 * Only names of an allow-list are understood; nothing is executed. The device of a tensor (`cuda:0`) is ignored.
 * @throws {ConfigError} when the archive is damaged or lies about its sizes, the pickle uses another name, or the file is older.
 */
export function readPt(bytes: Uint8Array, file: string): PickleValue {
  checkPtStart(bytes, file);
  return ptOf(readZip(bytes, file, maxBytesDefault), file);
}

/** How files of torch.save began before PyTorch 1.6: a pickle of protocol 2 with a number of ten bytes. */
const legacy = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/** Checks the first bytes of a .pt file. @throws {ConfigError} when they begin no archive: what they begin instead. */
export function checkPtStart(bytes: Uint8Array, file: string): void {
  // Of a file cut so short the archive says more.
  if (bytes.length < 2 || (bytes[0] === 0x50 && bytes[1] === 0x4b)) return;
  checkNotMistaken(bytes, file);
  const again = "load it and save it again: torch.save(torch.load(old), new)";
  throw new ConfigError(
    legacy.every((byte, i) => bytes[i] === byte)
      ? `${file}: is in PyTorch's old format, before 1.6; ${again}`
      : `${file}: no archive as torch.save has written since PyTorch 1.6; is it a file of torch.save? If so, ${again}`,
  );
}

/** The value in the members of a .pt archive. */
export function ptOf(members: readonly PtMember[], file: string): PickleValue {
  const byName = new Map(members.map((member) => [member.name, member]));
  const pickles = members.filter(({ name }) => /(^|\/)data\.pkl$/.test(name));
  if (pickles.length !== 1 || byName.size !== members.length)
    throw new ConfigError(`${file}: not one data.pkl in the archive; is it a file of torch.save?`);
  const [pickle] = pickles as [PtMember];
  const prefix = pickle.name.slice(0, -"data.pkl".length);
  const order = byName.get(`${prefix}byteorder`);
  if (order && new TextDecoder().decode(order.read()).trim() !== "little")
    throw new ConfigError(`${file}: was saved on a big-endian machine; save it again on another`);
  const where = `${file}: data.pkl`;
  const bad = (what: string) => new ConfigError(`${where}: ${what}; the file is damaged, save it again`);
  return readPickle(pickle.read(), where, {
    global(name) {
      const known =
        callable.includes(name as never) || (name.startsWith("torch.") && Object.hasOwn(storages, name.slice(6)));
      if (!known) throw refusedName(where, name);
      return new Name(name);
    },
    persistent(id) {
      const [kind, type, key, , count] = Array.isArray(id) ? id : [];
      const dtype = type instanceof Name ? storages[type.name.slice(6)] : undefined;
      if (kind !== "storage" || dtype === undefined || typeof key !== "string" || !isSize(count))
        throw bad("a storage is not described as torch does");
      const member = byName.get(`${prefix}data/${key}`);
      if (!member) throw bad(`storage ${JSON.stringify(key).slice(0, 40)} is not in the archive`);
      if (member.size !== count * elementBytes[dtype]!)
        throw bad(`storage ${key} claims ${count} elements of ${dtype}, the archive has ${member.size} bytes`);
      return new PtStorage(dtype, count, member);
    },
    call(callee, args) {
      if (!(callee instanceof Name)) throw bad("it calls something that is no function");
      switch (callee.name) {
        case "collections.OrderedDict":
          return new Map();
        case "torch._utils._rebuild_parameter":
          if (!(args[0] instanceof PtTensor)) throw bad("a parameter without a tensor");
          return args[0];
        case "torch._utils._rebuild_tensor_v2":
          return rebuilt(args, bad);
        default:
          throw bad(`it calls ${callee.name}`);
      }
    },
  });
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function rebuilt([storage, offset, shape, strides]: readonly PickleValue[], bad: (what: string) => ConfigError) {
  const sizes = (value: unknown): value is number[] =>
    Array.isArray(value) && value.length <= 64 && value.every(isSize);
  if (!(storage instanceof PtStorage) || !isSize(offset) || !sizes(shape) || !sizes(strides))
    throw bad("a tensor is not described as torch does");
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, offset);
  const count = sizeOf(shape);
  if (shape.length !== strides.length || (count > 0 && last >= storage.count))
    throw bad(
      `a tensor of shape [${shape.join(", ")}], strides [${strides.join(", ")}] and offset ${offset} leaves its storage of ${storage.count} elements`,
    );
  if (count > storage.count)
    throw bad(`a tensor of shape [${shape.join(", ")}] has more elements than its storage, ${storage.count}`);
  return new PtTensor(storage, offset, shape, strides);
}

/** A tensor's elements as little-endian bytes in row-major order: a view where they are stored so, else a copy. */
export function storedOf({ storage, offset, shape, strides }: PtTensor, where: string): StoredArray {
  const width = elementBytes[storage.dtype]!;
  const bytes = storage.member.read();
  const count = sizeOf(shape);
  const base = { dtype: storage.dtype, shape, where };
  if (isContiguous(shape, strides)) return { ...base, bytes: bytes.subarray(offset * width, (offset + count) * width) };
  const out = new Uint8Array(count * width);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < out.length; to += width) {
    for (let byte = 0; byte < width; byte++) out[to + byte] = bytes[from * width + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return { ...base, bytes: out };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** The tensors of a value, each by the keys and numbers that lead to it, `layers.0.weight`; 32 of these at most. */
export function ptTensors(value: unknown, name = "", levels = 32): Map<string, PtTensor> {
  const entries =
    levels === 0
      ? []
      : value instanceof Map
        ? [...value]
        : Array.isArray(value)
          ? value.map((one, i) => [i, one] as const)
          : [];
  const inner = entries.flatMap(([key, one]) => [
    ...ptTensors(one, name === "" ? String(key) : `${name}.${key}`, levels - 1),
  ]);
  return new Map(value instanceof PtTensor ? [[name || "tensor", value]] : inner);
}
