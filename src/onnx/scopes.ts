import { type Field, fieldsOf } from "./wire.ts";

/** Field numbers. Source: onnx.proto; metadata of nodes came with IR 10. */
const inModel = { graph: 7 } as const;
const inGraph = { node: 1 } as const;
const inNode = { metadata: 9 } as const;
const inEntry = { key: 1, value: 2 } as const;

/** What PyTorch's exporter says of a node: the modules it lies in, as a list in Python's notation. */
const key = "pkg.torch.onnx.name_scopes";

/**
 * The innermost module of each node of the main graph, by the node's number, for models that say it: `model.layers.2`. Their values are
 * called add_9 and the like. Read from the bytes, since the messages of this library are of an earlier ONNX. Damaged ones say nothing.
 */
export function scopesOf(bytes: Uint8Array): ReadonlyMap<number, string> {
  const within = (message: Uint8Array, number: number) =>
    readable(message).flatMap((field) => (field.number === number ? [field.content] : []));
  const text = (message: Uint8Array, number: number) => new TextDecoder().decode(within(message, number)[0]);
  const found = new Map<number, string>();
  for (const graph of within(bytes, inModel.graph))
    for (const [number, node] of within(graph, inGraph.node).entries()) {
      const entry = within(node, inNode.metadata).find((one) => text(one, inEntry.key) === key);
      // The last is the node itself.
      const names = entry && [...text(entry, inEntry.value).matchAll(/'([^']*)'/g)].map(([, name]) => name!);
      const innermost = names?.at(-2);
      if (innermost) found.set(number, innermost);
    }
  return found;
}

/** The fields of a message; none where the bytes are no message, which whoever uses it finds out. */
function readable(message: Uint8Array): Field[] {
  try {
    return fieldsOf(message);
  } catch {
    return [];
  }
}
