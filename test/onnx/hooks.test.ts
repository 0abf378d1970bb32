import { describe, expect, test } from "vitest";
import { findHooks, hookCalled, placeIn } from "../../src/onnx/hooks.ts";
import { besideSentence, locate, networkOf } from "../../src/onnx/locate.ts";
import { decodeModel, encodeModel } from "../../src/onnx/model.ts";
import type { Model, Node } from "../../src/onnx/proto.ts";
import { valueInfo } from "../../src/onnx/tensors.ts";
import { languageModel, namings } from "../harvest/models.ts";

const networkIn = (bytes: Uint8Array) => networkOf(decodeModel(bytes, "lm.onnx"), bytes, "lm.onnx");

/** A model of nodes written as `out1, -, out2 = Op@/the/node(in1, in2)`. */
function written(...lines: string[]): Model {
  const list = (names: string) => names.split(",").map((one) => one.trim().replace(/^-$/, ""));
  const node = lines.map((line): Node => {
    const [, outputs, opType, name, inputs] = /^(.*) = (\w+)(?:@(\S+?))?\((.*)\)$/.exec(line)!;
    const isFused = /Skip|NBits|Attention/.test(opType!);
    return {
      ...{ opType: opType!, name: name ?? "", input: list(inputs!), output: list(outputs!) },
      ...(isFused ? { domain: "com.microsoft" } : {}),
    };
  });
  return {
    irVersion: 8,
    opsetImport: [
      { domain: "", version: 17 },
      { domain: "com.microsoft", version: 1 },
    ],
    graph: {
      ...{ name: "written", node },
      input: [valueInfo("x", "float32", ["batch", "seq", 8])],
      output: [valueInfo(node.at(-1)!.output![0]!, "float32", ["batch", "seq", 8])],
    },
  };
}

const hooksOf = (model: Model) => networkIn(encodeModel(model)).hooks.map(({ name, value }) => [name, value]);

describe("the residual stream is found in", () => {
  test("PyTorch's newer exports, whose values say nothing", () => {
    const { hooks } = networkIn(languageModel(namings.dynamo));
    expect(hooks.map(({ name, width, module }) => [name, width, module])).toEqual([
      ["blocks.0", 8, "model.layers.0"],
      ["blocks.1", 8, "model.layers.1"],
      ["blocks.2", 8, "model.layers.2"],
    ]);
    for (const { value } of hooks) expect(value).toMatch(/^add_\d+$/);
  });

  test("TorchScript's, whose nodes have the path as a name", () => {
    const { hooks } = networkIn(languageModel(namings.torchscript));
    expect(hooks.map(({ value }) => value)).toEqual([0, 1, 2].map((block) => `/model/layers.${block}/Add_1_output_0`));
  });

  /** Two blocks as onnxruntime-genai builds them: every sum is in a normalisation, the last one is not asked for. */
  const genai = written(
    "n0 = SimplifiedLayerNormalization@/model/layers.0/input_layernorm/LayerNorm(x, g)",
    "a0 = GroupQueryAttention@/model/layers.0/attn/GroupQueryAttention(n0)",
    "p0, -, -, r0 = SkipSimplifiedLayerNormalization@/model/layers.0/post_attention_layernorm/SkipLayerNorm(x, a0, g)",
    "m0 = MatMulNBits@/model/layers.0/mlp/down_proj/MatMulNBits(p0, W)",
    "n1, -, -, s0 = SkipSimplifiedLayerNormalization@/model/layers.1/input_layernorm/SkipLayerNorm(r0, m0, g)",
    "a1 = GroupQueryAttention@/model/layers.1/attn/GroupQueryAttention(n1)",
    "p1, -, -, r1 = SkipSimplifiedLayerNormalization@/model/layers.1/post_attention_layernorm/SkipLayerNorm(s0, a1, g)",
    "m1 = MatMulNBits@/model/layers.1/mlp/down_proj/MatMulNBits(p1, W)",
    "n2 = SkipSimplifiedLayerNormalization@/model/layers.2/final_norm_layernorm/SkipLayerNorm(r1, m1, g)",
    "logits = MatMulNBits@/lm_head/MatMulNBits(n2, W)",
  );

  test("onnxruntime-genai's decoders, with a sum that nobody asked for", () => {
    expect(hooksOf(genai)).toEqual([
      ["blocks.0", "s0"],
      ["blocks.1", "/model/layers.2/final_norm_layernorm/SkipLayerNorm:3"],
    ]);
  });

  test("optimum's fused decoders, whose nodes lost their names", () => {
    const model = written(
      "/transformer/h.0/ln_1/Add_1_output_0 = LayerNormalization@/transformer/h.0/ln_1/LayerNorm(x, g)",
      "/transformer/h.0/attn/c_proj/Gemm_output_0 = MatMul@Attention_0(/transformer/h.0/ln_1/Add_1_output_0, W)",
      "/transformer/h.0/ln_2/Add_1_output_0, -, -, /transformer/h.0/Add_output_0 = SkipLayerNormalization@SkipLayerNorm_0(x, /transformer/h.0/attn/c_proj/Gemm_output_0, g)",
      "/transformer/h.0/mlp/c_proj/Gemm_output_0 = MatMul(/transformer/h.0/ln_2/Add_1_output_0, W)",
      "/transformer/h.1/ln_1/Add_1_output_0, -, -, /transformer/h.0/Add_1_output_0 = SkipLayerNormalization@SkipLayerNorm_1(/transformer/h.0/Add_output_0, /transformer/h.0/mlp/c_proj/Gemm_output_0, g)",
      "/transformer/h.1/mlp/c_proj/Gemm_output_0 = MatMul(/transformer/h.1/ln_1/Add_1_output_0, W)",
      "/transformer/h.1/Add_1_output_0 = Add(/transformer/h.1/mlp/c_proj/Gemm_output_0, /transformer/h.0/Add_1_output_0)",
      "logits = LayerNormalization@/transformer/ln_f/LayerNorm(/transformer/h.1/Add_1_output_0, g)",
    );
    expect(hooksOf(model)).toEqual([
      ["blocks.0", "/transformer/h.0/Add_1_output_0"],
      ["blocks.1", "/transformer/h.1/Add_1_output_0"],
    ]);
  });

  test("encoders, whose blocks end in a normalisation", () => {
    const block = (n: number, from: string) => [
      `a${n} = MatMul@/encoder/layer.${n}/attention/self/query/MatMul(${from}, W)`,
      `/encoder/layer.${n}/attention/output/LayerNorm/Add_1_output_0 = SkipLayerNormalization@SkipLayerNorm_${2 * n}(a${n}, ${from}, g)`,
      `m${n} = MatMul@/encoder/layer.${n}/output/dense/MatMul(/encoder/layer.${n}/attention/output/LayerNorm/Add_1_output_0, W)`,
      `/encoder/layer.${n}/output/LayerNorm/Add_1_output_0 = SkipLayerNormalization@SkipLayerNorm_${2 * n + 1}(m${n}, /encoder/layer.${n}/attention/output/LayerNorm/Add_1_output_0, g)`,
    ];
    const model = written(
      ...block(0, "x"),
      ...block(1, "/encoder/layer.0/output/LayerNorm/Add_1_output_0"),
      "pooled = Gather@/pooler/Gather(/encoder/layer.1/output/LayerNorm/Add_1_output_0, zero)",
    );
    expect(hooksOf(model)).toEqual([
      ["blocks.0", "/encoder/layer.0/output/LayerNorm/Add_1_output_0"],
      ["blocks.1", "/encoder/layer.1/output/LayerNorm/Add_1_output_0"],
    ]);
  });

  test("encoder-decoders, each list by its own name", () => {
    const block = (side: string, from: string) => [
      `${side}_m = MatMul@/${side}/block.0/layer.0/MatMul(${from}, W)`,
      `${side}_r = Add@/${side}/block.0/layer.1/Add(${from}, ${side}_m)`,
      `${side}_n = Relu@/${side}/final_layer_norm/Relu(${side}_r)`,
    ];
    expect(hooksOf(written(...block("encoder", "x"), ...block("decoder", "encoder_n")))).toEqual([
      ["encoder.blocks.0", "encoder_r"],
      ["decoder.blocks.0", "decoder_r"],
    ]);
  });

  test("no model without blocks", () => {
    expect(hooksOf(written("y = Relu@/act/Relu(x)"))).toEqual([]);
    expect(findHooks({ graph: {} }, new Map())).toEqual([]);
  });
});

describe("a place is called", () => {
  const network = networkIn(languageModel(namings.dynamo));
  const [, second] = network.hooks;

  test.each(["blocks.1", "model.layers.1", "layers.1", "blocks.1.hook_resid_post", "blocks.2.hook_resid_pre"])(
    "%s",
    (name) => {
      expect(hookCalled(network.hooks, name)).toBe(second);
      expect(locate(network, name).value.name).toBe(second!.value);
    },
  );

  test("by its value, which is known as the residual stream", () => {
    expect(locate(network, second!.value)).toMatchObject({ hook: second });
  });

  test("a summand of it, which is told from it", () => {
    const torchscript = networkIn(languageModel(namings.torchscript));
    const summand = locate(torchscript, "/model/layers.1/mlp/Relu_output_0", 8);
    expect(summand.beside?.name).toBe("blocks.1");
    expect(besideSentence(summand, 8)).toMatch(
      /is inside model.layers.1, not the residual stream after it, which is blocks.1 \(\/model\/layers.1\/Add_1_output_0, 8 wide\)/,
    );
  });

  test.each(["blocks.9", "model.layers.9"])("not %s", (name) => {
    expect(() => locate(network, name)).toThrow(
      /^lm.onnx: no block is called ".*"; there are blocks.0 to blocks.2, nearest: blocks.\d \(add_\d+, 8 wide\)/,
    );
  });
});

test.each([
  ["/model/layers.2/mlp/Add", "model.layers", 2],
  ["model.layers.14", "model.layers", 14],
  ["/decoder/block.0/layer.1/Add", "decoder.block", 0],
  ["layer0/resid_post/Add_0", "layer", 0],
])("%s is in block %s.%i", (path, list, block) => {
  expect(placeIn(path)).toEqual({ list, block });
});

test.each(["add_107", "/embeddings/Add_1", "Attention_3"])("%s is in no block", (path) => {
  expect(placeIn(path)).toBeUndefined();
});
