import { describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import { stopGradient } from "../../src/graph/alias.ts";
import { buildModel, type ModelDraft } from "../../src/graph/build.ts";
import { loop } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import { scope } from "../../src/graph/value.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import type { Graph } from "../../src/onnx/proto.ts";
import { random } from "../../src/util/random.ts";
import { scalar, tensor } from "../../src/util/tensor.ts";
import { evaluateGraph, numbers } from "../run.ts";
import { bodies } from "./bodies.ts";

const graphOf = (parts: ModelDraft): Graph => buildModel(parts).graph!;
const f32 = (...data: number[]) => tensor("float32", [data.length], Float32Array.from(data));

/** Every graph in a graph, itself first. */
const graphsIn = (graph: Graph): Graph[] => [
  graph,
  ...(graph.node ?? []).flatMap((node) => (node.attribute ?? []).flatMap(({ g }) => (g ? graphsIn(g) : []))),
];

describe("names", () => {
  const x = op.input("float32", ["batch", 4]);

  test("nodes and values are called by scope, op and number", () => {
    const { values, indices } = scope("encode", () => op.topK(op.abs(x), 2));
    const again = scope("encode", () => op.topK(x, 2).values);
    const deep = scope("decode", () => scope("rows", () => op.neg(again)));
    const { node } = graphOf({ inputs: { x }, outputs: { values, deep, other: op.cast(indices, "float32") } });
    expect(node!.map(({ name, output }) => [name, ...output!])).toEqual([
      ["encode/Abs_0", "encode/Abs_0"],
      ["encode/TopK_0", "values", "encode/TopK_0.1"],
      ["encode/TopK_1", "encode/TopK_1", "encode/TopK_1.1"],
      ["decode/rows/Neg_0", "deep"],
      ["Cast_0", "other"],
    ]);
  });

  test("an output's name is not given to another value", () => {
    const Neg_0 = op.abs(x);
    const { node } = graphOf({ inputs: { x }, outputs: { Neg_0, Abs_0: op.neg(op.neg(x)) } });
    const given = node!.flatMap(({ output }) => output!);
    expect(new Set(given).size).toBe(given.length);
    expect(given).toContain("Neg_0");
  });

  test("a value inside keeps the name it is given, with its shape, and is no output", async () => {
    const inner = scope("block", () => op.neg(x));
    const draft = { inputs: { x }, outputs: { y: op.abs(inner) }, values: { "blocks.0": inner, same: inner } };
    const { node, output, valueInfo } = graphOf(draft);
    expect(node!.map(({ name, input, output }) => [name, input![0], output![0]])).toEqual([
      ["block/Neg_0", "x", "blocks.0"],
      ["Abs_0", "blocks.0", "y"],
      ["Identity_0", "blocks.0", "same"],
    ]);
    expect(output!.map(({ name }) => name)).toEqual(["y"]);
    expect(valueInfo!.map(({ name }) => name)).toEqual(["blocks.0", "same"]);
    expect(valueInfo![0]!.type!.tensorType!.shape!.dim!.map((dim) => dim.dimParam || Number(dim.dimValue))).toEqual([
      "batch",
      4,
    ]);
  });

  test("a gradient's nodes are under grad/", () => {
    const W = op.input("float32", [4, 4]);
    const loss = scope("train", () => {
      const loss = op.meanSquare(scope("encode", () => op.matMul(x, W)));
      return gradients(loss, { W }).W;
    });
    const names = graphOf({ inputs: { x, W }, outputs: { loss } }).node!.map(({ name }) => name!);
    expect(names.at(-1)).toMatch(/^train\/grad\/encode\/Gemm_\d$/);
    expect(names.find((name) => !name.startsWith("train/"))).toBeUndefined();
  });

  test.each(Object.entries(bodies))("every name in %s is there once, bodies included", (_, build) => {
    const graphs = graphsIn(graphOf(build()));
    const values = graphs.flatMap((graph) => [
      ...(graph.input ?? []).map(({ name }) => name),
      ...(graph.initializer ?? []).map(({ name }) => name),
      ...(graph.node ?? []).flatMap(({ output }) => output!),
    ]);
    const nodes = graphs.flatMap((graph) => (graph.node ?? []).map(({ name }) => name));
    expect(values.length - new Set(values).size).toBe(0);
    expect(nodes.length - new Set(nodes).size).toBe(0);
    for (const graph of graphs) {
      const declared = [...(graph.valueInfo ?? []), ...(graph.output ?? [])].map(({ name }) => name);
      expect(new Set(declared).size).toBe(declared.length);
    }
  });
});

describe("constants", () => {
  const x = op.input("float32", [2]);

  test("small equal ones are stored once, whoever writes them", () => {
    const y = op.add(
      op.mul(x, 0.5),
      op.add(
        op.constant(scalar(0.5)),
        scope("inner", () => op.mul(x, 0.5)),
      ),
    );
    expect(graphOf({ inputs: { x }, outputs: { y } }).initializer!.map(({ name }) => name)).toEqual(["const_0"]);
  });

  test("equal bytes of another type, shape or sign of zero are others", () => {
    const parts = [
      op.mul(x, 0),
      op.mul(x, -0),
      op.mul(x, op.constant(f32(0))),
      op.cast(op.mul(op.cast(x, "int32"), 0), "float32"),
    ] as const;
    const y = op.concat(parts, 0);
    expect(graphOf({ inputs: { x }, outputs: { y } }).initializer).toHaveLength(4);
  });

  test("up to 1024 bytes: larger ones are stored as often as they are written", () => {
    const sum = (count: number) => {
      const data = () => tensor("float32", [count], new Float32Array(count));
      const y = op.add(op.constant(data()), op.constant(data()));
      return graphOf({ inputs: {}, outputs: { y } }).initializer!.length;
    };
    expect([sum(256), sum(257)]).toEqual([1, 2]);
  });

  test("a named one keeps its name, however large and however often it is used", () => {
    const W = tensor("float32", [2], f32(1, 2).data);
    const y = op.add(op.mul(x, op.constant(W, "W_enc")), op.constant(W, "W_enc"));
    expect(graphOf({ inputs: { x }, outputs: { y } }).initializer!.map(({ name }) => name)).toEqual(["W_enc"]);
  });

  test("two of one name are refused", () => {
    const y = op.add(op.constant(f32(1, 2), "W_enc"), op.constant(f32(3, 4), "W_enc"));
    expect(() => buildModel({ inputs: {}, outputs: { y } })).toThrow(
      'buildModel: two constants are called "W_enc"; give one another name',
    );
  });

  test("NaN, infinities and every bit come through", async () => {
    const given = f32(Number.NaN, Number.POSITIVE_INFINITY, -0, 1e-38, 1 / 3);
    const { y } = await evaluateGraph({}, { y: op.constant(given) }, {});
    expect(y!.data).toEqual(given.data);
  });

  test("no rows are a constant too", async () => {
    const none = op.constant(tensor("float32", [0, 2], new Float32Array()));
    const { y } = await evaluateGraph(
      {},
      { y: op.concat([none, op.constant(tensor("float32", [1, 2], f32(1, 2).data))], 0) },
      {},
    );
    expect(y).toMatchObject({ dims: [1, 2], data: f32(1, 2).data });
  });
});

describe("inputs and outputs", () => {
  const x = op.input("float32", ["batch", 2]);
  const z = op.input("float32", [3]);

  test.each<[string, () => ModelDraft, string]>([
    [
      "an input that is not listed",
      () => ({ inputs: { z }, outputs: { y: op.neg(x) } }),
      "buildModel: an output depends on an input of shape [batch, 2] that is not listed; add it to inputs",
    ],
    [
      "the same one in a body",
      () => ({
        inputs: {},
        outputs: {
          y: loop({
            trips: op.scalarOf("int64", 1),
            state: { s: op.scalarOf("float32", 0) },
            body: () => ({ state: { s: op.reduceSum(z) }, outputs: {} }),
          }).state.s,
        },
      }),
      "an input of shape [3] that is not listed",
    ],
    [
      "one value twice",
      () => ({ inputs: { a: x, b: x }, outputs: { y: op.neg(x) } }),
      "buildModel: two inputs are the same value",
    ],
    [
      "a computed input",
      () => ({ inputs: { a: op.neg(x) }, outputs: { y: x } }),
      'buildModel: "a" is computed; make it with input()',
    ],
    [
      "one name in and out",
      () => ({ inputs: { x }, outputs: { x: op.neg(x) } }),
      'buildModel: "x" is an input and an output; give one another name',
    ],
    [
      "one name in and inside",
      () => ({ inputs: { x }, outputs: { y: op.neg(x) }, values: { x: op.abs(x) } }),
      'buildModel: "x" is an input and a value inside; give one another name',
    ],
    [
      "one name out and inside",
      () => ({ inputs: { x }, outputs: { y: op.neg(x) }, values: { y: op.abs(x) } }),
      'buildModel: "y" is an output and a value inside; give one another name',
    ],
    ["no output", () => ({ inputs: { x }, outputs: {} }), "buildModel: there are no outputs; name at least one"],
  ])("%s is an error", (_, parts, message) => expect(() => buildModel(parts())).toThrow(message));

  test("an output may be an input, a constant, another output, and stand behind a stopGradient", async () => {
    const y = op.neg(z);
    const results = await evaluateGraph(
      { z },
      { in_: z, same: y, again: y, stopped: stopGradient(y), half: op.scalarOf("float32", 0.5) },
      { z: f32(1, 2, 3) },
    );
    const found = Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, numbers(data)]));
    expect(found).toEqual({
      in_: [1, 2, 3],
      same: [-1, -2, -3],
      again: [-1, -2, -3],
      stopped: [-1, -2, -3],
      half: [0.5],
    });
  });

  test("an input nobody reads stays, in the order given", () => {
    const { input, output } = graphOf({ inputs: { z, x }, outputs: { b: op.neg(x), a: op.abs(x) } });
    expect([input, output].map((list) => list!.map(({ name }) => name))).toEqual([
      ["z", "x"],
      ["b", "a"],
    ]);
  });

  test("what no output needs is not there", () => {
    op.exp(x);
    expect(graphOf({ inputs: { x }, outputs: { y: op.neg(x) } }).node).toHaveLength(1);
  });
});

describe("the same parts give the same bytes", () => {
  test.each(Object.entries(bodies))("%s", (_, build) => {
    const parts = build();
    const bytes = encodeModel(buildModel(parts));
    expect(encodeModel(buildModel(parts))).toEqual(bytes);
    expect(encodeModel(buildModel(build())), "written again").toEqual(bytes);
  });

  test("a graph of many random ops, written twice with others between", () => {
    const write = () => {
      const rng = random(3, "graph");
      const x = op.input("float32", ["batch", 3]);
      const made = [x];
      for (let i = 0; i < 60; i++) {
        const pick = () => made[rng.below(made.length)]!;
        made.push(
          [() => op.add(pick(), pick()), () => op.mul(pick(), rng.below(3)), () => op.tanh(pick())][rng.below(3)]!(),
        );
      }
      return encodeModel(buildModel({ inputs: { x }, outputs: { y: made.at(-1)! } }));
    };
    const first = write();
    op.exp(op.input("float32", [1]));
    expect(write()).toEqual(first);
  });
});
