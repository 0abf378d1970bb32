import { expect, test } from "vitest";
import { matches, valuesText } from "../../src/cli/inspectValues.ts";
import { inferShapes } from "../../src/onnx/inference/infer.ts";
import { listValues } from "../../src/onnx/listing.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { type Attribute, type Node, onnx } from "../../src/onnx/proto.ts";
import { scopesOf } from "../../src/onnx/scopes.ts";
import { tensorProto, valueInfo } from "../../src/onnx/tensors.ts";
import { join, wrap } from "../../src/onnx/wire.ts";
import { int64s, tensor } from "../../src/util/tensor.ts";
import { host, node } from "../export/attach/hosts.ts";
import { inOpset, stream, transformer } from "../export/attach/transformer.ts";

const int = (name: string, i: number): Attribute => ({ name, type: 2, i });
const ints = (name: string, ...values: number[]): Attribute => ({ name, type: 7, ints: values });
const weights = [
  tensorProto("W", tensor("float32", [8, 12], new Float32Array(96))),
  tensorProto("rows", int64s([0, 0, 3, 4])),
  tensorProto("back", int64s([0, 0, -1])),
  tensorProto("one", int64s([1])),
  tensorProto("two", int64s([2])),
  tensorProto("zero", int64s([0])),
  tensorProto("last", int64s([-1])),
];
const x = valueInfo("x", "float32", ["batch", "seq", 8]);
/** The shape of `v`. */
function shape(...nodes: Node[]) {
  const found = inferShapes(host({ nodes, weights, inputs: [x] })).get("v")!;
  return found.open ? ["...", ...found.dims] : found.dims;
}

test.each<[string, Node[], (number | string | null)[]]>([
  ["a product", [node("v = MatMul(x, W)")], ["batch", "seq", 12]],
  ["heads", [node("p = MatMul(x, W)"), node("v = Reshape(p, rows)")], ["batch", "seq", 3, 4]],
  [
    "heads turned",
    [node("p = MatMul(x, W)"), node("q = Reshape(p, rows)"), node("v = Transpose(q)", ints("perm", 0, 2, 1, 3))],
    ["batch", 3, "seq", 4],
  ],
  [
    "heads and back again",
    [node("p = MatMul(x, W)"), node("q = Reshape(p, rows)"), node("v = Reshape(q, back)")],
    ["batch", "seq", 12],
  ],
  [
    "a shape that is computed",
    [
      node("s = Shape(x)"),
      node("b = Gather(s, zero)"),
      node("n = Concat(b, last, two)", int("axis", 0)),
      node("v = Reshape(x, n)"),
    ],
    ["batch", null, 2],
  ],
  ["a mean over the last dim", [node("v = ReduceMean(x)", ints("axes", -1))], ["batch", "seq", 1]],
  ["a mean without that dim", [node("v = ReduceMean(x)", ints("axes", -1), int("keepdims", 0))], ["batch", "seq"]],
  ["a part", [node("v = Slice(x, zero, two, last)")], ["batch", "seq", 2]],
  ["one more dim", [node("v = Unsqueeze(x, one)")], ["batch", 1, "seq", 8]],
  ["the largest", [node("v, i = TopK(x, two)")], ["batch", "seq", 2]],
  ["an op nobody knows", [node("v = own.Op(x)")], ["..."]],
  ["an op nobody knows, and weights", [node("p = own.Op(x)"), node("v = MatMul(p, W)")], ["...", 12]],
])("%s", (_, nodes, expected) => {
  expect(shape(...nodes)).toEqual(expected);
});

test("a declaration is believed where nothing else is known, and not against the weights", () => {
  const stated = (declared: boolean) =>
    inferShapes(
      host({
        nodes: [node("p = own.Op(x)"), node("v = MatMul(x, W)")],
        ...{ weights, inputs: [x] },
        values: [valueInfo("p", "float32", ["a", 4]), valueInfo("v", "float32", ["b", "s", 99])],
      }),
      { declared },
    );
  expect(stated(true).get("p")).toEqual({ dims: ["a", 4], open: false });
  expect(stated(false).get("p")).toEqual({ dims: [], open: true });
  expect(stated(true).get("v")).toEqual({ dims: ["batch", "seq", 12], open: false });
});

test("a model that declares no inner shape is listed with them, and where an encoder fits", () => {
  const model = transformer();
  const bare = { ...model, graph: { ...model.graph, valueInfo: [] } };
  const listed = listValues(bare);
  expect(listed.find(({ name }) => name === stream)).toMatchObject({
    ...{ type: "float32", shape: ["batch", "seq", 16], width: 16, kind: "value", op: "Add" },
  });
  const of = (name: string) => listValues(model).find((one) => one.name === name)!;
  // What is declared is what is found.
  for (const info of model.graph!.valueInfo!) expect(listed.map(({ name }) => name)).toContain(info.name);
  const weight = listed.find(({ kind }) => kind === "weights")!;
  expect(weight.width).toBeNull();
  expect(weight.bytes).toBeGreaterThan(0);
  expect(of("x")).toMatchObject({ kind: "input", width: 16 });
  expect(listValues(inOpset(bare, 18)).find(({ name }) => name === stream)!.width).toBe(16);
});

test("weights in another form, codes and truths are nothing to attach to", () => {
  const model = host({
    nodes: [
      node("turned = Transpose(W)"),
      node("p = MatMul(x, W)"),
      node("large = Greater(p, x)"),
      node("where = ArgMax(p)", int("axis", 1)),
      node("v = Cast(p)", int("to", 10)),
    ],
    ...{ weights, inputs: [x] },
  });
  const widths = Object.fromEntries(listValues(model).map(({ name, type, width }) => [name, [type, width]]));
  expect(widths).toMatchObject({
    ...{ W: ["float32", null], turned: ["float32", null], p: ["float32", 12], large: ["bool", null] },
    ...{ where: ["int64", null], v: ["float16", 12] },
  });
});

test("the module of a node is read from its metadata, which this library's messages do not have", () => {
  const text = (number: number, value: string) => wrap(number, [new TextEncoder().encode(value)]);
  const entry = (key: string, value: string) => wrap(9, [...text(1, key), ...text(2, value)]);
  const one = (...metadata: Uint8Array[]) =>
    wrap(1, [onnx.NodeProto.encode({ opType: "Relu", input: ["x"], output: ["y"] }).finish(), ...metadata]);
  const scopes = entry("pkg.torch.onnx.name_scopes", "['', 'm', 'm.model.layers.2', 'add_23']");
  const graph = wrap(7, [...one(), ...one(...entry("other", "['a']"), ...scopes)]);
  expect(scopesOf(join(graph))).toEqual(new Map([[1, "m.model.layers.2"]]));
  expect(scopesOf(encodeModel(transformer())).size).toBe(0);
});

test.each<[string, string, boolean]>([
  ["/layers.3/Add_1", "layers.3*add", true],
  ["/layers.3/Add_1", "add*layers", false],
  ["/layers.3/Add_1", "layers.[0-9]", false],
  ["a(b", "(", true],
  ["aaa", "a*a*a", true],
  ["aa", "a*a*a", false],
])("%j has %j in it: %s", (name, pattern, expected) => {
  expect(matches(name, pattern)).toBe(expected);
});

test("no pattern takes long", () => {
  const start = performance.now();
  expect(matches("a".repeat(1e5), `${"a*".repeat(1e3)}b`)).toBe(false);
  expect(performance.now() - start).toBeLessThan(1000);
});

test("a long list is cut short and says so", () => {
  const model = host({
    nodes: Array.from({ length: 500 }, (_, i) => node(`v${i} = Relu(${i === 0 ? "x" : `v${i - 1}`})`)),
    inputs: [x],
  });
  const lines = valuesText(model, listValues(model)).split("\n");
  expect(lines).toHaveLength(203);
  expect(lines.at(-3)).toBe("... and 301 more: --grep or --width narrows the list, --json has all");
  expect(lines.at(-2)).toBe("501 values; * an encoder can be attached there (501: attach --tensor NAME)");
});
