import { ConfigError } from "../util/errors.ts";
import { quote } from "./quote.ts";

/** What a pickle of tensors is made of; dictionaries are Maps, tuples and lists are arrays. */
export type PickleValue = unknown;

/** How names, persistent ids and calls in a pickle are understood. Each throws for what it does not know; none runs code. */
export interface PickleReader {
  readonly global: (name: string) => PickleValue;
  readonly persistent: (id: PickleValue) => PickleValue;
  readonly call: (callee: PickleValue, args: readonly PickleValue[]) => PickleValue;
}

const mark = Symbol("mark");

/** Most values on the stack: nested values of an honest file are a few levels deep, a loop would never end. */
const maxStack = 1 << 20;

/** Most lists, tuples and dictionaries, and most values kept to be recalled: more than a file of tensors and their labels has. */
const [maxContainers, maxKept] = [1 << 19, 1 << 20];

/**
 * The value a pickle describes, protocols 2 to 4. Nothing is run: opcodes that a file of tensors does not need are refused.
 * Source: CPython, Lib/pickletools.py.
 * @throws {ConfigError} for any other opcode, a truncated pickle, or whatever `reader` refuses.
 */
export function readPickle(bytes: Uint8Array, where: string, reader: PickleReader): PickleValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: PickleValue[] = [];
  const memo = new Map<number, PickleValue>();
  let at = 0;
  let containers = 0;
  const damaged = (what: string) => new ConfigError(`${where}: damaged pickle, ${what} at byte ${at}; save it again`);
  const take = (count: number): number => {
    if (at + count > bytes.length) throw damaged("it ends early");
    at += count;
    return at - count;
  };
  const text = (length: number): string => {
    const from = take(length);
    return new TextDecoder().decode(bytes.subarray(from, from + length));
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) throw damaged("a name does not end");
    const word = text(end - at);
    at = end + 1;
    return word;
  };
  const pop = (): PickleValue => {
    if (stack.length === 0 || stack.at(-1) === mark) throw damaged("it takes a value that is not there");
    return stack.pop();
  };
  const popped = (count: number): PickleValue[] => Array.from({ length: count }, pop).reverse();
  const toMark = (): PickleValue[] => {
    const from = stack.lastIndexOf(mark);
    if (from < 0) throw damaged("a mark is missing");
    return stack.splice(from).slice(1);
  };
  const top = <T>(type: new () => T): T => {
    const value = stack.at(-1);
    if (!(value instanceof type)) throw damaged(`a value of another kind than ${type.name}`);
    return value;
  };
  const setItems = (items: PickleValue[]): void => {
    if (items.length % 2 !== 0) throw damaged("a key without a value");
    const into = top<Map<PickleValue, PickleValue>>(Map);
    for (let i = 0; i < items.length; i += 2) {
      // Messages write keys out, and a list that holds another one twice, and so on, doubles at each level.
      if (typeof items[i] !== "string" && typeof items[i] !== "number")
        throw damaged("a key that is no text or number");
      into.set(items[i], items[i + 1]);
    }
  };
  const recall = (key: number): PickleValue => {
    if (!memo.has(key)) throw damaged("it recalls a value that was not kept");
    return memo.get(key);
  };
  const container = <T>(value: T): void => {
    if (++containers > maxContainers) throw damaged("too many lists");
    stack.push(value);
  };
  const remember = (key: number): void => {
    if (memo.size >= maxKept) throw damaged("too many values to recall");
    if (stack.length === 0 || stack.at(-1) === mark) throw damaged("it keeps a value that is not there");
    memo.set(key, stack.at(-1));
  };
  const long = (length: number): number => {
    const from = take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i]!);
    return Number(BigInt.asIntN(8 * length, value));
  };
  const code: Readonly<Record<number, () => void>> = {
    128: () => void take(1), // PROTO
    149: () => void take(8), // FRAME
    40: () => stack.push(mark), // MARK
    78: () => stack.push(null), // NONE
    136: () => stack.push(true), // NEWTRUE
    137: () => stack.push(false), // NEWFALSE
    75: () => stack.push(view.getUint8(take(1))), // BININT1
    77: () => stack.push(view.getUint16(take(2), true)), // BININT2
    74: () => stack.push(view.getInt32(take(4), true)), // BININT
    138: () => stack.push(long(view.getUint8(take(1)))), // LONG1
    71: () => stack.push(view.getFloat64(take(8), false)), // BINFLOAT
    88: () => stack.push(text(view.getUint32(take(4), true))), // BINUNICODE
    140: () => stack.push(text(view.getUint8(take(1)))), // SHORT_BINUNICODE
    125: () => container(new Map()), // EMPTY_DICT
    93: () => container([]), // EMPTY_LIST
    41: () => container([]), // EMPTY_TUPLE
    116: () => container(toMark()), // TUPLE
    133: () => container(popped(1)), // TUPLE1
    134: () => container(popped(2)), // TUPLE2
    135: () => container(popped(3)), // TUPLE3
    97: () => {
      const value = pop(); // APPEND
      top(Array).push(value);
    },
    101: () => {
      const values = toMark(); // APPENDS
      const into = top(Array);
      for (const value of values) into.push(value);
    },
    115: () => setItems(popped(2)), // SETITEM
    117: () => setItems(toMark()), // SETITEMS
    113: () => remember(view.getUint8(take(1))), // BINPUT
    114: () => remember(view.getUint32(take(4), true)), // LONG_BINPUT
    148: () => remember(memo.size), // MEMOIZE
    104: () => stack.push(recall(view.getUint8(take(1)))), // BINGET
    106: () => stack.push(recall(view.getUint32(take(4), true))), // LONG_BINGET
    99: () => stack.push(reader.global(`${line()}.${line()}`)), // GLOBAL
    147: () => {
      const names = popped(2); // STACK_GLOBAL
      if (!names.every((name) => typeof name === "string")) throw damaged("a name that is no text");
      stack.push(reader.global(names.join(".")));
    },
    81: () => stack.push(reader.persistent(pop())), // BINPERSID
    82: () => {
      const [callee, args] = popped(2); // REDUCE
      if (!Array.isArray(args)) throw damaged("a call without arguments");
      stack.push(reader.call(callee, args));
    },
    // BUILD gives an object attributes; a state_dict has some (_metadata), which say nothing about its tensors.
    98: () => {
      pop();
      top(Map);
    },
  };
  for (;;) {
    if (at >= bytes.length) throw damaged("it ends early");
    const opcode = bytes[at++]!;
    if (opcode === 0x2e) break; // STOP
    const run = code[opcode];
    if (!run)
      throw new ConfigError(
        `${where}: opcode 0x${opcode.toString(16)} at byte ${at - 1} is none that a file of tensors needs; it is not read`,
      );
    run();
    if (stack.length > maxStack) throw damaged("too many values");
  }
  return pop();
}

/** The refusal of a name outside the allow-list. */
export const refusedName = (where: string, name: string): ConfigError =>
  new ConfigError(
    `${where}: names ${quote(name)}, which no file of tensors needs; nothing in it is run. Save plain tensors, numbers, text, lists and dicts`,
  );
