import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readActivations, readLabelled } from "../../src/data/files.node.ts";
import { readSafetensors, toTensor } from "../../src/data/safetensors.ts";
import { harvest } from "../../src/harvest/harvest.node.ts";
import { openLanguageModel, tapsCalled } from "../../src/harvest/model.node.ts";
import { parsePositions } from "../../src/harvest/positions.ts";
import type { HarvestRequest } from "../../src/harvest/request.node.ts";
import { openTokenizer } from "../../src/harvest/text/tokenizer.node.ts";
import { shardsOfUnfinished } from "../../src/harvest/unfinished.node.ts";
import { harvestFiles } from "../../src/pipeline/harvestFiles.node.ts";
import { refusal } from "../data/helpers.ts";
import { blocks, languageModel, namings, residuals, scaled, width, withInputRead } from "./models.ts";

const folder = mkdtempSync(join(tmpdir(), "sae-onnx-"));
const at = (...parts: string[]) => join(folder, ...parts);
let outs = 0;

/** Ids of several lengths, with one text of no token. */
const texts = [[3, 1, 4, 1, 5], [9, 2], [], [6, 5, 3, 5, 8, 9, 7], [9, 3, 2], [1], [2, 7, 1, 8, 2]];

beforeAll(() => {
  writeFileSync(at("dynamo.onnx"), languageModel(namings.dynamo));
  writeFileSync(at("script.onnx"), languageModel(namings.torchscript));
  writeFileSync(at("own.onnx"), languageModel(namings.torchscript, { mask: false }));
  writeFileSync(at("ids.jsonl"), texts.map((ids) => `${JSON.stringify({ input_ids: ids })}\n`).join(""));
  const { WordPiece } = JSON.parse(readFileSync("test/fixtures/tokenizers.json", "utf8"));
  writeFileSync(at("tokenizer.json"), JSON.stringify(WordPiece.tokenizer));
});

interface Given extends Partial<Omit<HarvestRequest, "positions" | "model" | "taps">> {
  readonly model?: string;
  readonly places?: string[];
  readonly where?: string;
}

/** A harvest of the residual stream after block 1 of all tokens, with what differs from that. */
async function request({ model: file = "dynamo.onnx", places = ["blocks.1"], where = "all", ...more }: Given = {}) {
  const model = await openLanguageModel(at(file));
  return {
    ...{ model, taps: tapsCalled(model, places), text: at("ids.jsonl"), tokenizer: undefined },
    ...{ out: at(`out${outs++}`), positions: { wanted: parsePositions("positions", where), text: where } },
    ...{ maxTokens: 64, minTokens: 1, keepSpecial: false, plain: false, dtype: "float32" as const },
    ...{ batchTokens: 12, seed: 0, threads: 1, ...more },
  };
}

/** What a folder of shards holds, in the order of its files. */
function rowsIn(out: string) {
  const files = readdirSync(out).filter((name) => name.endsWith(".safetensors"));
  return files.flatMap((name) => {
    const { tensors, metadata } = readSafetensors(readFileSync(join(out, name)), name);
    const column = (own: string) => Array.from(toTensor(tensors.get(own)!).data, Number);
    const { data } = toTensor(tensors.get("activations")!);
    return column("text_id").map((text, row) => ({
      ...{ text, position: column("position")[row]!, token: column("token_id")[row]!, layer: column("layer")[row]! },
      values: Array.from(data.slice(row * width, (row + 1) * width) as Float32Array),
      origin: JSON.parse(metadata.origin!),
    }));
  });
}

/** The largest difference between rows and what the model is by its definition. */
const errorOf = (rows: ReturnType<typeof rowsIn>, options?: { mask: boolean }) =>
  Math.max(
    ...rows.flatMap(({ text, position, layer, values }) =>
      values.map((value, i) => Math.abs(value - residuals(texts[text]!, options)[layer]![position]![i]!)),
    ),
  );

describe("rows are what the model computes", () => {
  test.each(["dynamo.onnx", "script.onnx"])("%s, in batches that are filled up", async (model) => {
    const own = await request({ model });
    const { rows, texts: count, empty, run } = await harvest(own);
    const found = rowsIn(own.out);
    expect({ rows, count, empty, tokens: run.tokens }).toEqual({ rows: 23, count: 7, empty: 0, tokens: 23 });
    expect(found.map(({ text, position, token }) => [text, position, token])).toEqual(
      texts.flatMap((ids, text) => ids.map((id, position) => [text, position, id])),
    );
    expect(errorOf(found)).toBeLessThan(1e-5);
    expect(found[0]!.origin).toMatchObject({ hook: "blocks.1", module: "model.layers.1", positions: "all" });
  });

  test("a model without a mask, whose texts of one length run together", async () => {
    const own = await request({ model: "own.onnx" });
    await harvest(own);
    expect(errorOf(rowsIn(own.out), { mask: false })).toBeLessThan(1e-5);
  });

  test("several places in one pass, each in a folder of its own", async () => {
    const own = await request({ places: ["blocks.*"] });
    await harvest(own);
    for (let block = 0; block < blocks; block++) {
      const found = rowsIn(join(own.out, `blocks.${block}`));
      expect(found.every(({ layer }) => layer === block)).toBe(true);
      expect(errorOf(found)).toBeLessThan(1e-5);
    }
  });

  test("any value by its name", async () => {
    const own = await request({ model: "script.onnx", places: ["/model/layers.1/Add_output_0"] });
    await harvest(own);
    expect(readdirSync(own.out)).toContain("shard-000000.safetensors");
  });
});

describe("a text is cut", () => {
  const words = () => JSON.parse(readFileSync(at("tokenizer.json"), "utf8"));
  const cut = async (name: string, tokenizer: object, config: object, given: { maxTokens?: number } = {}) => {
    mkdirSync(at(name));
    writeFileSync(at(name, "tokenizer.json"), JSON.stringify(tokenizer));
    writeFileSync(at(name, "tokenizer_config.json"), JSON.stringify(config));
    writeFileSync(at(name, "texts.txt"), "the fox\nthe fox the fox the fox\n");
    const files = { model: at("dynamo.onnx"), text: at(name, "texts.txt"), tokenizer: at(name, "tokenizer.json") };
    const result = await harvestFiles({ ...files, ...given, at: "blocks.1", out: at(name, "acts") });
    return { most: result.maxTokens, cut: result.cut, tokens: result.tokens };
  };

  test.each([
    ["where model_max_length says", {}, { model_max_length: 5 }, {}, { most: 5, cut: 1, tokens: 9 }],
    ["else where the tokenizer cuts", { truncation: { max_length: 6 } }, {}, {}, { most: 6, cut: 1, tokens: 10 }],
    ["else not", {}, { model_max_length: 1e30 }, {}, { most: 1024, cut: 0, tokens: 12 }],
    ["where it is asked for", {}, { model_max_length: 5 }, { maxTokens: 3 }, { most: 3, cut: 2, tokens: 6 }],
  ])("%s", async (name, more, config, given, expected) => {
    expect(await cut(name, { ...words(), ...more }, config, given)).toEqual(expected);
  });
});

describe("positions", () => {
  test.each([
    ["last", (ids: number[]) => [ids.length - 1]],
    ["-2", (ids: number[]) => (ids.length > 1 ? [ids.length - 2] : [])],
    ["1..", (ids: number[]) => ids.map((_, i) => i).slice(1)],
    ["1..3", (ids: number[]) => ids.map((_, i) => i).slice(1, 4)],
    ["..2", (ids: number[]) => ids.map((_, i) => i).slice(0, 3)],
    ["0, 2..3", (ids: number[]) => ids.map((_, i) => i).filter((i) => [0, 2, 3].includes(i))],
    ["-1..0", (ids: number[]) => (ids.length === 1 ? [0] : [])],
  ])("%s", async (where, wanted) => {
    const own = await request({ where });
    await harvest(own);
    const found = rowsIn(own.out);
    expect(found.map(({ text, position }) => [text, position])).toEqual(
      texts.flatMap((ids, text) => (ids.length > 0 ? wanted(ids).map((position) => [text, position]) : [])),
    );
    expect(errorOf(found)).toBeLessThan(1e-5);
  });

  test.each([
    ["5..2", "--positions: 5..2 runs backwards; write 2..5"],
    ["0,-1..-3", "--positions: -1..-3 runs backwards; write -3..-1"],
    ...["..", "", "1,", "1...3", "1-3", "3..x", "last,1"].map((text) => [
      text,
      `must be all, last, random, mask, or numbers such as 3, -2, 1..5 or 0,2, got "${text}"`,
    ]),
  ])("%s is refused", (text, message) => {
    expect(() => parsePositions("positions", text!)).toThrow(message);
  });

  test("where no row is wanted, the reason is named", async () => {
    const words = { text: at("words.txt"), tokenizer: await openTokenizer(at("tokenizer.json")) };
    writeFileSync(words.text, "the fox\n\nthe lazy dog\n");
    const none = async (given: Given) => refusal(async () => harvest(await request({ ...words, ...given })));
    expect(await none({ where: "0" })).toBe(
      `${words.text}: no row of its 3 texts is wanted; 1 have fewer than 1 tokens, 2 have special tokens alone at --positions 0; --special-tokens keep takes their rows`,
    );
    expect(await none({ where: "mask", minTokens: 0 })).toMatch(/; 3 have no mask; give \.jsonl with a "mask"/);
    expect(await none({ where: "99" })).toMatch(/1 have fewer than 1 tokens, 2 have no token at --positions 99$/);
  });

  test("random: one of each text, the same again with the same seed alone", async () => {
    const chosen = await Promise.all(
      [0, 0, 1].map(async (seed) => {
        const own = await request({ where: "random", seed });
        await harvest(own);
        return rowsIn(own.out).map(({ text, position }) => `${text}:${position}`);
      }),
    );
    expect(chosen[0]).toHaveLength(6);
    expect(chosen[0]).toEqual(chosen[1]);
    expect(chosen[0]).not.toEqual(chosen[2]);
  });

  test("mask: what the file of texts says", async () => {
    const text = at("masked.jsonl");
    writeFileSync(text, '{"input_ids":[1,2,3],"mask":[0,1,1]}\n{"input_ids":[4,5],"mask":[1,0]}\n');
    const own = await request({ where: "mask", text });
    await harvest(own);
    expect(rowsIn(own.out).map(({ token }) => token)).toEqual([2, 3, 4]);
  });
});

describe("texts", () => {
  const lines = "The quick brown fox\nthe lazy dog\n";

  test("by a tokenizer; rows at special tokens are left out, and named", async () => {
    writeFileSync(at("texts.txt"), lines);
    const own = await request({ text: at("texts.txt"), tokenizer: await openTokenizer(at("tokenizer.json")) });
    const { leftOut } = await harvest(own);
    expect(leftOut).toEqual({ "[CLS]": 2, "[SEP]": 2 });
    const [first] = readFileSync(join(own.out, "texts", "shard-000000.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    const { text, token_ids: ids, offsets } = JSON.parse(first!);
    expect(text).toBe("The quick brown fox");
    expect(ids).toHaveLength(offsets.length);
    // Before and behind the words of the text stand [CLS] and [SEP].
    expect(rowsIn(own.out).filter((row) => row.text === 0)).toHaveLength(ids.length - 2);
    const labels = readFileSync(join(own.out, "shard-000000.labels.jsonl"), "utf8").trimEnd().split("\n");
    expect(labels).toHaveLength(rowsIn(own.out).length);
    expect(JSON.parse(labels[0]!)).toMatchObject({ text_id: 0, position: 1, token_id: ids[1] });
    expect((await readActivations(join(own.out, "shard-000000.safetensors"))).columns.start![0]).toBe(offsets[1][0]);
  });

  test("what a .jsonl says of a text besides is a label of its rows; names of the harvest's own are not taken", async () => {
    const text = at("labelled.jsonl");
    const own = { text_id: 9, position: "x", layer: 7, start: 5, list: [1], none: null, long: "x".repeat(1001) };
    writeFileSync(
      text,
      [
        { input_ids: [1, 2], topic: "sea", n: 3, ...own },
        { input_ids: [3], id: "q", ok: true },
      ]
        .map((one) => JSON.stringify(one))
        .join("\n"),
    );
    const asked = await request({ text });
    await harvest(asked);
    expect(readFileSync(join(asked.out, "shard-000000.labels.jsonl"), "utf8")).toBe(
      `{"text_id":0,"position":0,"token_id":1,"topic":"sea","n":3}
{"text_id":0,"position":1,"token_id":2,"topic":"sea","n":3}
{"text_id":1,"position":0,"token_id":3,"id":"q","ok":true}
`,
    );
    const { columns } = await readLabelled(join(asked.out, "shard-000000.safetensors"), { names: ["topic"] });
    expect(columns.topic).toEqual(["sea", "sea", ""]);
    expect(Array.from<unknown>(columns.position!)).toEqual([0, 1, 0]);
    expect(Array.from<unknown>(columns.token_id!)).toEqual([1, 2, 3]);
  });

  test("rows at special tokens are kept where that is asked for, and a label has the text of its one row", async () => {
    writeFileSync(at("texts.txt"), lines);
    const own = await request({
      ...{
        text: at("texts.txt"),
        tokenizer: await openTokenizer(at("tokenizer.json")),
        keepSpecial: true,
        where: "last",
      },
    });
    await harvest(own);
    const labels = readFileSync(join(own.out, "shard-000000.labels.jsonl"), "utf8").trimEnd().split("\n");
    expect(labels.map((line) => JSON.parse(line))).toMatchObject([
      { text: "The quick brown fox", token: "[SEP]" },
      { text: "the lazy dog", token: "[SEP]" },
    ]);
  });
});

describe("a harvest goes on", () => {
  test("to the same bytes, shard by shard", async () => {
    const own = await request({ shardRows: 4 });
    const { shards } = await harvest(own);
    expect(shards).toBe(4);
    const before = snapshotOf(own.out);
    rmSync(join(own.out, "shard-000001.safetensors"));
    rmSync(join(own.out, "shard-000003.safetensors"));
    const old: boolean[] = [];
    await harvest(own, { onShard: ({ isOld }) => old.push(isOld) });
    expect(old).toEqual([true, false, true, false]);
    expect(snapshotOf(own.out)).toEqual(before);
  });

  test("not in the folder of another, nor of something else", async () => {
    const own = await request();
    await harvest(own);
    const before = snapshotOf(own.out);
    await expect(harvest(await request({ where: "last", out: own.out }))).rejects.toThrow(
      /holds shards of another harvest, whose positions is "all", not "last"; write to another folder$/,
    );
    expect(snapshotOf(own.out)).toEqual(before);
    await expect(harvest(await request({ limit: 2, out: own.out }))).rejects.toThrow("whose limit is none, not 2;");
    mkdirSync(at("foreign"));
    writeFileSync(at("foreign", "acts.npy"), "");
    await expect(harvest(await request({ out: at("foreign") }))).rejects.toThrow(
      /holds acts.npy, which is of no harvest/,
    );
    expect(readdirSync(at("foreign"))).toEqual(["acts.npy"]);
  });
});

test("a folder whose harvest was stopped is known, that of one place among several too", async () => {
  const whole = await request({ shardRows: 4, places: ["blocks.0", "blocks.2"] });
  await harvest(whole);
  expect(await shardsOfUnfinished(join(whole.out, "blocks.2"))).toBe(undefined);
  const own = await request({ shardRows: 4, places: ["blocks.0", "blocks.2"] });
  const stop = new AbortController();
  await harvest(own, { signal: stop.signal, onShard: ({ shard }) => shard === 1 && stop.abort() });
  expect(await shardsOfUnfinished(join(own.out, "blocks.2"))).toBe(2);
  const alone = { ...own, taps: own.taps.slice(0, 1), out: at(`out${outs++}`) };
  const again = new AbortController();
  await harvest(alone, { signal: again.signal, onShard: () => again.abort() });
  expect(await shardsOfUnfinished(alone.out)).toBe(1);
  expect(await shardsOfUnfinished(folder)).toBe(undefined);
});

test("a folder that a failed harvest left without a shard is another's to take", async () => {
  const failed = await request({ where: "mask" });
  await expect(harvest(failed)).rejects.toThrow("no row");
  const own = await request({ out: failed.out });
  expect((await harvest(own)).rows).toBe(23);
  const manifest = JSON.parse(readFileSync(join(own.out, "harvest.json"), "utf8"));
  expect([manifest.harvest.positions, manifest.done.rows]).toEqual(["all", 23]);
});

describe("bad input is one clear line", () => {
  test.each([
    ["a value that is not there", { places: ["layers.1/mid"] }, /has no value "layers.1\/mid"; nearest: /],
    ["a pattern that fits nothing", { places: ["nothing*"] }, /has no value "nothing\*"/],
    [
      "a hook that is no residual stream",
      { places: ["blocks.1.hook_mlp_out"] },
      /only hook_resid_pre and hook_resid_post are known, not hook_mlp_out; sae-onnx inspect --values lists/,
    ],
    ["a place twice", { places: ["blocks.1", "layers.1"] }, /names blocks.1 twice/],
    [
      "a value without a row for each token",
      { model: "script.onnx", places: ["/model/layers.0/self_attn/Div_output_0"] },
      /it has no row for each token/,
    ],
  ])("%s", async (_, given, message) => {
    const failed = (async () => harvest(await request(given)))();
    await expect(failed).rejects.toThrow(message);
  });

  test("an id that the model has not; where it may be a place in a text that is too long, the length is named", async () => {
    const text = at("unknown.jsonl");
    const long = [...Array.from({ length: 150 }, () => 7), 150];
    const failed = async (ids: number[]) => {
      writeFileSync(text, `{"input_ids":[1,2]}\n${JSON.stringify({ input_ids: ids })}\n`);
      return harvest(await request({ text, maxTokens: 200 })).catch((error: Error) => error.message);
    };
    expect(await failed([3, 149, 150])).toMatch(
      /dynamo\.onnx: token id 150 of text 1 is none of the model's, which are 0 to 149; is it the right tokenizer \(ONNX Runtime/,
    );
    expect(await failed(long)).toMatch(
      /dynamo\.onnx: cannot take text 1, 151 tokens; where it is made for fewer, give --max-tokens, else leave the text out \(ONNX Runtime/,
    );
  });

  test("inputs that nobody feeds", async () => {
    writeFileSync(at("more.onnx"), withInputRead(languageModel(namings.torchscript, { more: ["pixel_values"] })));
    await expect(request({ model: "more.onnx" }).then(harvest)).rejects.toThrow(
      /nothing here feeds pixel_values \(int64 \[batch, seq\]\); give arrays of these names in --text FILE.npz/,
    );
  });

  test.each([
    ["no text", "\n", /no text.jsonl: no text in it; give one a line$/],
    ["no JSON", "{\n", /line 1 is not JSON/],
    ["no text in it", '{"words":"a"}\n', /line 1 has no text "text", it has "words"; name its key with --text-key/],
    ["ids that are none", '{"input_ids":[1,"a"]}\n', /line 1: "input_ids" is no list of whole numbers/],
  ])("a file of texts with %s", async (name, content, message) => {
    const text = at(`${name}.jsonl`);
    writeFileSync(text, content);
    const own = await request({ text });
    await expect(harvest(own)).rejects.toThrow(message);
  });

  test.each([
    ["UTF-16", [0xff, 0xfe, 0x61, 0, 10, 0], "is UTF-16; convert it to UTF-8"],
    ["Latin-1", [...Buffer.from("a\u00e9\r\nb\n"), 0xe9, 10, 0x62, 10], "line 3 is not UTF-8; convert it"],
    ["a letter cut off", [0x61, 10, 0xc3], "line 2 is not UTF-8; convert it"],
  ])("texts in %s", async (name, bytes, message) => {
    const text = at(`${name}.txt`);
    writeFileSync(text, Uint8Array.from(bytes));
    const own = await request({ text, tokenizer: await openTokenizer(at("tokenizer.json")) });
    await expect(harvest(own)).rejects.toThrow(`${text}: ${message}`);
  });

  test("values beyond float16", async () => {
    const own = await request({ dtype: "float16" });
    const huge = { ...own, model: { ...own.model, bytes: scaled(own.model.bytes) } };
    await expect(harvest(huge)).rejects.toThrow(
      /^blocks.1: -?\d+.* at text \d, position \d, dimension \d is more than float16 holds \(65504\); use --dtype float32$/,
    );
  });
});

const snapshotOf = (out: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => [join(one.parentPath, one.name), readFileSync(join(one.parentPath, one.name), "base64")]),
  );
