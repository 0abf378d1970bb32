import protobuf from "protobufjs/minimal.js";
import { expect, test } from "vitest";
import { attach } from "../../../src/export/attach/attach.ts";
import { freeze } from "../../../src/export/freeze.ts";
import { decodeModel, encodeModel } from "../../../src/onnx/model.ts";
import { fieldsOf, join, wrap } from "../../../src/onnx/wire.ts";
import { cpu } from "../../../src/runtime/cpu.node.ts";
import { sample } from "../../checkpoint/sample.ts";
import { cases } from "../../sae/cases.ts";
import { feeds, stream, transformer } from "./transformer.ts";

const text = (value: string) => new TextEncoder().encode(value);
const pair = (key: string, value: string) => join([...wrap(1, [text(key)]), ...wrap(2, [text(value)])]);
const varint = (number: number, value: number) =>
  protobuf.Writer.create()
    .uint32(number << 3)
    .uint32(value)
    .finish();

const encoder = { model: freeze(await sample(cases[0]!), "encoder"), file: "sae.onnx" };

/**
 * The transformer with fields that onnx-proto does not know: metadata of nodes (NodeProto 9), of values (ValueInfoProto 4), of the
 * graph (GraphProto 16), all of IR 10; a device configuration (ModelProto 26, IR 11); a field of nobody's (GraphProto 99, a varint).
 */
function later(): Uint8Array {
  const inGraph = (content: Uint8Array) =>
    join([
      ...fieldsOf(content).flatMap(({ number, bytes, content: inner }, i) => {
        if (number === 1) return wrap(1, [inner, ...wrap(9, [pair("namespace", `node ${i}`)])]);
        return number === 13 ? wrap(13, [inner, ...wrap(4, [pair("value", `${i}`)])]) : [bytes];
      }),
      ...wrap(16, [pair("graph", "kept")]),
      varint(99, 7),
    ]);
  const bytes = encodeModel({ ...transformer(), irVersion: 10 });
  return join([
    ...fieldsOf(bytes).flatMap(({ number, bytes: all, content }) =>
      number === 7 ? wrap(7, [inGraph(content)]) : [all],
    ),
    ...wrap(26, [...wrap(1, [text("two GPUs")])]),
  ]);
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const count = (all: readonly string[]) => {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
};
/** Fields of the model and of its graph, as bytes. */
const pieces = (bytes: Uint8Array) =>
  fieldsOf(bytes).flatMap(({ number, bytes: all, content }) =>
    number === 7 ? fieldsOf(content).map((one) => hex(one.bytes)) : [hex(all)],
  );

test("fields joined again are the message", () => {
  const bytes = later();
  expect(hex(join(fieldsOf(bytes).map((one) => one.bytes)))).toBe(hex(bytes));
});

test("every field of the model is there afterwards, byte for byte, in its order, whether this library knows it or not", async () => {
  const before = later();
  expect(hex(encodeModel(decodeModel(before, "")))).not.toContain(hex(text("namespace")));
  const { bytes } = attach({ bytes: before, file: "lm.onnx" }, encoder, { tensor: stream });
  const old = pieces(before);
  const kept = count(old);
  const found = pieces(bytes).filter((one) => kept.has(one));
  expect(found).toEqual(old);
  const session = await cpu.open({ bytes, external: [] });
  expect(Object.keys(await session.run(feeds))).toContain("sae_latents");
  await session.release();
});

test("where the activation is replaced, one node differs, in the name of one output", async () => {
  const before = later();
  const sae = { model: freeze(await sample(cases[0]!), "autoencoder"), file: "sae.onnx" };
  const { bytes } = attach({ bytes: before, file: "lm.onnx" }, sae, { tensor: stream, reconstruct: true });
  const after = count(pieces(bytes));
  const gone = pieces(before).filter((one) => !after.has(one));
  expect(gone).toHaveLength(1);
  const nodes = (all: Uint8Array) => decodeModel(all, "").graph!.node!;
  const changed = nodes(bytes).find(({ output }) => output!.includes("sae/before"))!;
  expect({ ...changed, output: [stream] }).toEqual(nodes(before).find(({ output }) => output!.includes(stream)));
  const names = fieldsOf(fieldsOf(bytes).find(({ number }) => number === 7)!.content)
    .filter(({ number, content }) => number === 1 && Buffer.from(content).includes("sae/before"))
    .map(({ content }) => Buffer.from(content).includes("namespace"));
  expect(names[0]).toBe(true);
});

test("a graph in two pieces is refused", () => {
  const whole = encodeModel(transformer());
  const bytes = join([whole, ...wrap(7, [fieldsOf(whole).find(({ number }) => number === 7)!.content])]);
  expect(() => attach({ bytes, file: "lm.onnx" }, encoder, { tensor: stream })).toThrow(
    "lm.onnx: its graph is written in several pieces; load it and save it again",
  );
});
