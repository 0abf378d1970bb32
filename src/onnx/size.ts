/** @file How many parts a model has, counted before any is built: a few bytes of a message can be an object of a hundred. */
import protobuf from "protobufjs/minimal.js";

/** Most fields of a model message; large language models have some hundred thousand. */
export const maxFields = 2 ** 21;

/** Protobuf's own readers stop at 100. Here a model is refused by its bodies within bodies, where it is not far deeper. */
const deepest = 512;

type Kind = keyof typeof messages;

/** The messages of a model, and which of their fields are messages again. Source: onnx.proto. */
const messages = {
  model: { 7: "graph", 8: "plain", 14: "plain", 20: "training", 25: "function" },
  training: { 1: "graph", 2: "graph", 3: "plain", 4: "plain" },
  function: { 7: "node", 9: "plain", 11: "attribute", 12: "value", 14: "plain" },
  graph: {
    ...{ 1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value" },
    ...{ 14: "annotation", 15: "sparse", 16: "plain" },
  },
  node: { 5: "attribute", 9: "plain" },
  attribute: {
    ...{ 5: "tensor", 6: "graph", 10: "tensor", 11: "graph" },
    ...{ 14: "type", 15: "type", 22: "sparse", 23: "sparse" },
  },
  tensor: { 3: "plain", 13: "plain", 16: "plain" },
  sparse: { 1: "tensor", 2: "tensor" },
  annotation: { 2: "plain" },
  value: { 2: "type", 4: "plain" },
  type: { 1: "array", 4: "element", 5: "element", 8: "array", 9: "element" },
  element: { 1: "type", 2: "type" },
  array: { 2: "shape" },
  shape: { 1: "plain" },
  plain: {},
} as const satisfies Readonly<Record<string, Readonly<Record<number, string>>>>;

/** Whether a model message has more fields than `most`. Throws where the bytes are no message. */
export function hasMoreFields(bytes: Uint8Array, most = maxFields): boolean {
  const reader = protobuf.Reader.create(bytes);
  let left = most;
  const fits = (kind: Kind, end: number, levels: number): boolean => {
    if (levels > deepest) throw new Error(`messages more than ${deepest} levels within one another`);
    const inner: Readonly<Record<number, string>> = messages[kind];
    while (reader.pos < end) {
      if (--left < 0) return false;
      const tag = reader.uint32();
      const next = (tag & 7) === 2 ? inner[tag >>> 3] : undefined;
      if (next === undefined) reader.skipType(tag & 7);
      else if (!fits(next as Kind, reader.uint32() + reader.pos, levels + 1)) return false;
    }
    return true;
  };
  return !fits("model", reader.len, 0);
}
